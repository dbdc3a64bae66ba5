"""Verdicts to be rendered: good ones, bad ones, and one that is full of what should not be said."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Any

import numpy as np
from markdown_it import MarkdownIt
from rich.console import Console

from reference import Finding, Judgement
from reference.execution.implementation import CLASSES
from reference.execution.in_process import InProcess
from reference.lab.check import Examination
from reference.lab.mistakes import CATALOGUE, plain
from reports.verdicts import FORMATS, terminal

BATCH_WIDE, SUMMED, EMPTY = (
    "SoftmaxLayer.forward_shifted_by_batch_maximum",
    "LinearLayer.grad_summed",
    "ReLULayer.relu_forward_raises",
)
HOSTILE = (
    "]]><x/>", "<script>alert(1)</script>", "\x1b[31mred\x1b[0m", "[red]markup[/red]", ":smile:", "\n::error::forged",
    "##[error]forged", "```\n# heading", "| cell |", "a\x00b\x08\x7f\x9b", "\ud800", "\u202egnp.exe\u2066", "\ufffe",
    "\r\nPASS everything holds", "<!-- ", "</pre></details>", "&lt;", "'\"", "\u2028", "=1+1",
)  # fmt: skip
#: What must not be in any text for people, nor in JSON: escapes, other control characters, bidi, halves of pairs.
FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
COMMAND = re.compile(r"(?m)^\s*::[a-z-]+|##\[")


@cache
def judged(*mistakes: str, only: str = "*", gone: str | None = None) -> Judgement:
    """What comes of right classes but for these mistakes of the catalogue."""
    classes = dict(plain.CLASSES)
    for name in mistakes:
        (mistake,) = [each for each in CATALOGUE if each.name == name]
        cls = mistake.subject.partition(".")[0]
        classes[cls] = mistake.classes[cls]
    classes.pop(gone or "", None)
    missing = {name: f"there is no class {name} in mlp.py" for name in CLASSES if name not in classes}
    examination = Examination(InProcess(classes, missing), "submission", seed=1, effort="quick", only=only)
    findings = tuple(examination)
    durations = {each.check: 0.25 for each in findings}
    isolation = "a process of its own: limits of time, memory and file size"
    notes = ("stand-ins that do nothing took the place of tqdm",)
    return Judgement("submission", findings, 3, "quick", 1, 1.2, isolation, notes, "training...\n", durations, only)


def failing() -> Judgement:
    """Two methods are wrong, of two classes."""
    return judged(BATCH_WIDE, SUMMED)


def hostile() -> Judgement:
    """Every place where a submission's words can get to, full of what it should not say."""
    text = " ".join(HOSTILE)
    finding = judged(BATCH_WIDE, only="softmax.forward.far_samples").findings[-1]
    failed = replace(finding, actual=text, expected=text, counterexample={"X": [[np.nan, 1.0]], "options": text})
    findings = (
        failed,
        *(replace(failed, check=f"softmax.forward.{word}", actual=each) for word, each in zip("abcdefgh", HOSTILE)),  # noqa: B905
        replace(failed, check="softmax.forward.i", status="skipped"),
        replace(failed, check="mlp.gradient.values", subject="MLP.gradient", status="error", mistake=None),
    )
    return Judgement(text, findings, 3, "quick", 1, 1.2, text, (text, *HOSTILE), "\n".join(HOSTILE))


def with_error() -> Judgement:
    """One check passed, and in another the examiner itself failed."""
    finding = Finding("mlp.evaluate.values", "MLP.evaluate", "error", "A promise.", actual="the examiner failed: E: x")
    return replace(judged(only="linear.made"), findings=(*judged(only="linear.made").findings, finding))


def on_terminal(judgement: Judgement, width: int = 80, *, is_terminal: bool = False) -> str:
    """What `bp check` writes, to a terminal of that width or to a file."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=is_terminal, color_system="truecolor" if is_terminal else "auto"
    )
    terminal(judgement, console)
    return stream.getvalue()


def told(form: str, judgement: Judgement) -> str:
    """What that format says of it."""
    return on_terminal(judgement) if form == "terminal" else FORMATS[form](judgement)


@cache
def told_of_failing(form: str) -> str:
    """What that format says of `failing`, rendered once: the pictures of a page take a while."""
    return told(form, failing())


def strictly(text: str) -> Any:
    """The value of a JSON text that has no NaN and no infinity in it."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


def rendered(text: str) -> str:
    """As CommonMark with tables and with HTML let through, which is the worst that can be done to it."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


class Tags(HTMLParser):
    """What is opened and not closed, and everything that asks for something from elsewhere."""

    VOID = frozenset({"meta", "br", "wbr"})

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""

    @classmethod
    def of(cls, page: str) -> Tags:
        parser = cls()
        parser.feed(page)
        parser.close()
        parser.unbalanced += parser.open
        return parser

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.unbalanced.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.text += data
