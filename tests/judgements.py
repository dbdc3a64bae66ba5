"""Judgements to be shown: a right submission, wrong ones, and one that is full of hostile text."""

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
from reference.lab.check import LabExamination
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
#: What must be in no text for people, nor in JSON: control characters, bidi overrides, lone surrogates.
FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
COMMAND = re.compile(r"(?m)^\s*::[a-z-]+|##\[")


@cache
def judged(*mistakes: str, only: str = "*", gone: str | None = None) -> Judgement:
    """The judgement of right classes, except for these mistakes of the catalogue."""
    classes = dict(plain.CLASSES)
    for name in mistakes:
        (mistake,) = [each for each in CATALOGUE if each.name == name]
        cls = mistake.subject.partition(".")[0]
        classes[cls] = mistake.classes[cls]
    classes.pop(gone or "", None)
    missing = {name: f"there is no class {name} in mlp.py" for name in CLASSES if name not in classes}
    examination = LabExamination(InProcess(classes, missing), "submission", seed=1, effort="quick", only=only)
    findings = tuple(examination)
    durations = {each.check: 0.25 for each in findings}
    isolation = "a process of its own: limits of time, memory and file size"
    notes = ("stand-ins that do nothing took the place of tqdm",)
    return Judgement("submission", findings, 3, "quick", 1, 1.2, isolation, notes, "training...\n", durations, only)


def failing() -> Judgement:
    """The judgement of a submission in which two methods of two classes are wrong."""
    return judged(BATCH_WIDE, SUMMED)


def hostile() -> Judgement:
    """A judgement with hostile text wherever a submission's words can get."""
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
    """A judgement in which one check passed, and the examiner failed in another."""
    finding = Finding("mlp.evaluate.values", "MLP.evaluate", "error", "A promise.", actual="the examiner failed: E: x")
    return replace(judged(only="linear.made"), findings=(*judged(only="linear.made").findings, finding))


def on_terminal(judgement: Judgement, width: int = 80, *, is_terminal: bool = False) -> str:
    """What `bp check` prints on a terminal of that width, or to a file."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=is_terminal, color_system="truecolor" if is_terminal else "auto"
    )
    terminal(judgement, console)
    return stream.getvalue()


def told(form: str, judgement: Judgement) -> str:
    """The judgement in one format."""
    return on_terminal(judgement) if form == "terminal" else FORMATS[form](judgement)


@cache
def told_of_failing(form: str) -> str:
    """`failing` in one format, made once because the pictures of a page take a while."""
    return told(form, failing())


def strictly(text: str) -> Any:
    """The value of a JSON text that has no NaN and no infinity in it."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


def rendered(text: str) -> str:
    """CommonMark with tables, as HTML; HTML in the source is let through, which is the worst case."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


class Tags(HTMLParser):
    """The tags of a page: those that are not closed, and all attributes."""

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
