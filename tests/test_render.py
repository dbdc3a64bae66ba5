"""Every format says what was found, is read back by a real parser, and interprets nothing that a submission says."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from html import unescape
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, SystemOut, TestCase, TestSuite
from markdown_it import MarkdownIt
from rich.console import Console

from reference import Finding, Judgement
from reference.implementation import CLASSES
from reference.mistakes import CATALOGUE, HINTS, plain
from reference.session import InProcess
from reference.verdict import Examination
from reports import expectations, figures
from reports.expectations import Expectation
from reports.render import FORMATS, class_summary, html, junit, markdown, terminal
from reports.render import json as as_json
from reports.render.class_summary import Entry, entry_of, problem_of
from reports.render.json_ import record
from reports.render.text import lines_of, one_line, visible
from reports.render.words import WORDS

pytestmark = pytest.mark.outside

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((resources.files("reports.render") / "verdict.schema.json").read_text(encoding="utf-8"))
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
    notes = ("stand-ins that do nothing for tqdm",)
    return Judgement("submission", findings, 3, "quick", 1, 1.2, isolation, notes, "training...\n", durations, only)


@pytest.fixture
def failing() -> Judgement:
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
    finding = Finding("mlp.evaluate.values", "MLP.evaluate", "error", "A promise.", actual="the examiner failed: E: x")
    return replace(judged(only="linear.made"), findings=(*judged(only="linear.made").findings, finding))


def on_terminal(judgement: Judgement, width: int = 80, *, is_terminal: bool = False) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=is_terminal, color_system="truecolor" if is_terminal else "auto"
    )
    terminal(judgement, console)
    return stream.getvalue()


def told(form: str, judgement: Judgement) -> str:
    return on_terminal(judgement) if form == "terminal" else FORMATS[form](judgement)


def strictly(text: str) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


# All formats


def test_every_mistake_has_words() -> None:
    """Each word of the vocabulary is explained, in one line that is not the solution's name again."""
    words = {each.word for each in CATALOGUE} | set(HINTS)
    assert words <= set(WORDS)
    assert all("\n" not in said and said != word for word, said in WORDS.items())


@pytest.mark.parametrize("form", ["terminal", "junit", "markdown", "html"])
def test_what_a_student_needs_is_said(form: str, failing: Judgement) -> None:
    """Promise, expected, got, mistake in words, hint, the next step, the seed and the isolation."""
    said = " ".join(re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), told(form, failing)).split())
    for part in (
        "linear.grad.values", "LinearLayer.grad", "The answer is the true one, but for rounding.",
        "not-averaged: a sum over the batch stands where the mean is due", "when the batch is twice as large?",
        "layer = LinearLayer(", "linear.grad.averaged: expected", "depends on linear.grad.values",
        "a process of its own: limits of time", "stand-ins that do nothing for tqdm", "training...",
        "no part of the verdict", "softmax.forward.far_samples",
    ):  # fmt: skip
        assert part in said, part
    assert "--seed 1" in said or form == "junit"  # which has plain values


def expected_failures() -> Judgement:
    """All failures of a batch-wide shift, expected."""
    everything = [Expectation("softmax.*", "comes in week 5")]
    failing = judged(BATCH_WIDE)
    covered = [each for each in failing.findings if each.status == "failed"]
    assert len(covered) == 2
    return expectations.apply([replace(everything[0], pattern=each.check) for each in covered], failing)


@pytest.mark.parametrize("form", ["terminal", "markdown", "html"])
def test_expected_failures_are_told_as_such(form: str) -> None:
    """They are neither passed over in silence nor called unjudged."""
    said = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), told(form, expected_failures()))
    assert "verything else holds" in said
    assert "2 failed as expected" in said
    assert "not judged: " not in said
    assert "softmax.forward.far_samples: comes in week 5 (got " in said
    assert strictly(as_json(expected_failures()))["counts"]["skipped"] == 2


@pytest.mark.parametrize("form", ["terminal", "markdown", "html"])
def test_partial_judgements_are_told_as_such(form: str) -> None:
    """In the verdict's own line."""
    said = unescape(told(form, judged(only="linear.made")))
    assert "verything asked for holds (--only 'linear.made': 1 of 207 checks)" in said
    assert "asked for" not in unescape(told(form, judged()))


@pytest.mark.parametrize("form", ["json", "junit", "markdown", "html", "terminal"])
def test_nothing_foreign_is_interpreted(form: str) -> None:
    """No control, bidi or surrogate character gets through, and no command that a GitHub runner obeys."""
    text = told(form, hostile())
    assert not FORBIDDEN.search(text)
    assert not COMMAND.search(text)
    text.encode("utf-8")


@pytest.mark.parametrize("form", ["json", "junit", "markdown", "html", "terminal"])
def test_rendering_is_pure(form: str, failing: Judgement) -> None:
    """The same judgement gives the same text."""
    assert told(form, failing) == told(form, failing)


def test_visible_spells_what_would_be_obeyed() -> None:
    """Escapes become words, ordinary text of any language stays, and line ends stay where lines are shown."""
    assert visible("a\x1b[1m\u202eb\ud800") == r"a\x1b[1m\u202eb\ud800"
    assert visible("Grüße, 平均 🙂 x[::2]") == "Grüße, 平均 🙂 x[::2]"
    assert one_line("a\nb\r\nc") == r"a\nb\nc"
    assert one_line("x" * 50, 10) == "x" * 10 + "..."
    assert lines_of("a\nb\nc", 2) == ["a", "b", "... and 1 more line"]


# Terminal


def test_plain_text_is_for_searching(failing: Judgement) -> None:
    """Without a terminal: no colour, no wrapping, and the word FAIL beside method and check."""
    text = on_terminal(failing, width=40)
    assert "  FAIL LinearLayer.grad  linear.grad.values\n" in text
    assert "pass ReLULayer  31 passed\n" in text
    assert "    promise   The answer is the true one, but for rounding.\n" in text
    assert text.splitlines()[-2].startswith("FAIL submission: ")
    assert text.isascii()


@pytest.mark.parametrize("width", [20, 60, 120])
def test_terminal_is_not_overrun(width: int, failing: Judgement) -> None:
    """On a terminal no line is longer than it is wide, but for scripts and arrays, which can be copied whole."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(failing, width, is_terminal=True))
    assert "✗" in text
    script = {line.strip() for each in failing.findings for line in (each.repro or "").splitlines()}
    assert [line for line in text.splitlines() if len(line) > width and line.strip() not in script] == []


def test_colour_is_for_terminals_alone(failing: Judgement) -> None:
    assert "\x1b[" in on_terminal(failing, is_terminal=True)
    assert "\x1b[" not in on_terminal(failing)


def test_one_main_failure_a_method(failing: Judgement) -> None:
    """The first failure is told in full, the others in a line each, what was skipped by its reason."""
    text = on_terminal(failing)
    assert text.count("promise ") == 2  # one for each of the two wrong methods
    assert "      FAIL linear.grad.averaged: expected dW" in text
    assert "not judged: 5 checks: depends on linear.grad.values, which did not pass" in text


def test_missing_class_is_told_once() -> None:
    """All checks of a class that is not there fail for one reason, which is said once."""
    text = on_terminal(judged(gone="SoftmaxLayer"))
    assert text.count("there is no class SoftmaxLayer in mlp.py") == 1
    assert "36 further checks of SoftmaxLayer for the same reason" in text


def test_own_output_does_not_hide_the_verdict() -> None:
    """A few lines of many."""
    text = on_terminal(replace(judged(only="linear.made"), output="epoch\n" * 20_000))
    assert text.count("| epoch") == 12
    assert "... and 19988 more lines" in text


def test_errors_are_the_examiners_own() -> None:
    """A fault of the examiner is no failure, in any format."""
    everything = {form: told(form, with_error()) for form in ("terminal", "json", "markdown", "html")}
    assert "ERROR MLP.evaluate  mlp.evaluate.values: the examiner's own fault, no verdict" in everything["terminal"]
    assert strictly(everything["json"])["verdict"] == "error"
    assert "FAIL" not in everything["terminal"]
    assert "own fault, no verdict" in everything["html"]
    assert "own fault, no verdict" in everything["markdown"].replace("&#x27;", "'")


# JSON


@pytest.mark.parametrize(
    "make", [judged, lambda: judged(BATCH_WIDE, SUMMED), lambda: judged(EMPTY), hostile, with_error]
)
def test_json_is_strict_and_of_the_schema(make: Callable[[], Judgement]) -> None:
    """ASCII without NaN, valid by verdict.schema.json, in the order of the interface."""
    text = as_json(make())
    assert text.isascii()
    value = strictly(text)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(value, SCHEMA)
    assert list(value)[:7] == ["schema", "implementation", "verdict", "seed", "seconds", "counts", "checks"]
    assert list(value["checks"][0])[:13] == [
        "id", "subject", "status", "rationale", "expected", "actual", "index", "bound", "counterexample", "mistake",
        "hint", "repro", "depends_on",
    ]  # fmt: skip
    assert sum(value["counts"].values()) == len(value["checks"])


def test_json_keeps_what_was_said() -> None:
    """Whatever can be text comes back as it was, and numbers that are not finite come as words."""
    value = strictly(as_json(hostile()))
    assert value["output"] == "\n".join(HOSTILE).replace("\ud800", r"\ud800")
    assert value["checks"][0]["counterexample"]["X"] == [["NaN", 1.0]]


def test_documented_example_is_true() -> None:
    """The example in docs/verdict.md is what such a submission gets, and every field is explained there."""
    page = (ROOT / "docs" / "verdict.md").read_text(encoding="utf-8")
    example = strictly(page.split("```json\n")[1].split("```")[0])
    jsonschema.validate(example, SCHEMA)
    actual = strictly(as_json(judged(BATCH_WIDE, only="softmax.forward.far_samples")))
    actual["checks"] = [each for each in actual["checks"] if each["status"] == "failed"]
    for each in (*example["checks"], *actual["checks"]):
        del each["seconds"]
    assert example == actual
    for name in (*actual, *actual["checks"][0], "seconds"):
        assert f"`{name}`" in page, name


# JUnit


def cases(text: str) -> Iterator[TestCase]:
    for suite in JUnitXml.fromstring(text.encode("utf-8")):
        yield from suite


def test_junit_is_read_back(failing: Judgement) -> None:
    """A suite for each class, a case for each check, with time and outcome."""
    xml = JUnitXml.fromstring(junit(failing).encode("utf-8"))
    suites: list[TestSuite] = list(xml)
    assert [suite.name for suite in suites] == [name for name in CLASSES if name != "NaiveSoftmaxLayer"]
    counts = failing.counts
    assert (xml.tests, xml.failures, xml.skipped, xml.errors) == (
        len(failing.findings), counts["failed"], counts["skipped"], counts["error"],
    )  # fmt: skip
    found = {case.name: case for case in cases(junit(failing))}
    assert set(found) == {each.check for each in failing.findings}
    case = found["linear.grad.values"]
    assert (case.classname, case.time) == ("LinearLayer.grad", 0.25)
    (failure,) = case.result
    assert isinstance(failure, Failure)
    assert failure.type == "not-averaged"
    assert "hint      The loss is a mean over the batch." in failure.text
    assert isinstance(found["linear.grad.no_state"].result[0], Skipped)
    assert found["linear.made"].is_passed
    assert "training..." in next(suites[0].iterchildren(SystemOut)).text
    assert {each.name: each.value for each in suites[0].properties()} == {
        "seed": "1", "effort": "quick", "assignment": "3", "only": "*", "seconds": "1.200",
        "isolation": failing.isolation, "notes": failing.notes[0],
    }  # fmt: skip


def test_junit_survives_hostile_text() -> None:
    """It is XML, and the text is there in a readable spelling."""
    found = list(cases(junit(hostile())))
    assert len(found) == len(hostile().findings)
    assert "]]><x/>" in found[0].result[0].text
    assert r"\x1b[31mred" in found[0].result[0].text
    assert isinstance(found[-1].result[0], Error)


def test_junit_is_red_where_nothing_was_judged() -> None:
    """All checks skipped is no pass: CI services look at nothing but failures."""
    findings = tuple(
        replace(each, status="skipped", actual="no oracle") for each in judged(only="linear.made").findings
    )
    nothing = replace(judged(only="linear.made"), findings=findings)
    assert nothing.verdict == "fail"
    assert [case.name for case in cases(junit(nothing)) if isinstance(next(iter(case.result), None), Failure)] == [
        "verdict"
    ]
    assert "nothing could be judged" in on_terminal(nothing)


# Markdown


def rendered(text: str) -> str:
    """As CommonMark with tables and with HTML let through, which is the worst that can be done to it."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def test_markdown_is_tables_and_details(failing: Judgement) -> None:
    page = rendered(markdown(failing))
    assert page.count("<details>") == 3  # two methods and the output
    assert page.count("<tr>") == 7
    assert "❌ FAIL" in page


def test_markdown_survives_hostile_text() -> None:
    """Only elements of ours, and as many as there would be without the text."""
    tags = Tags.of(rendered(markdown(hostile())))
    ours = {"h2", "p", "code", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre", "ul", "li"}
    assert set(tags.opened) <= ours
    assert tags.unbalanced == []
    assert "&#x1b;" not in markdown(hostile())


@pytest.mark.parametrize("limit", [2**20, 20_000])
def test_markdown_keeps_to_its_limit(limit: int) -> None:
    """However much there is to say, in bytes: whole sections are left out, and it says so."""
    main = judged(BATCH_WIDE).findings[0]
    long = replace(main, status="failed", expected="ü" * 2000, actual="<é" * 5000, repro="ö\n" * 5000)
    many = tuple(replace(long, check=f"c{n}.m", subject=f"Class.m{n}", mistake=f"m{n}") for n in range(300))
    text = markdown(replace(judged(BATCH_WIDE), findings=many, output="€" * 2**16, notes=("ä" * 1000,) * 20), limit)
    assert len(text.encode("utf-8")) <= limit
    assert "left out" in text
    assert Tags.of(rendered(text)).unbalanced == []


# HTML


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


def test_page_needs_nothing_but_itself(failing: Judgement) -> None:
    """Balanced, no id twice, no script, nothing loaded; a policy forbids it besides."""
    page = html(failing)
    tags = Tags.of(page)
    assert tags.unbalanced == []
    assert len(tags.ids) == len(set(tags.ids))
    assert not {"script", "img", "image", "link", "iframe", "object"} & set(tags.opened)
    links = [value for name, value in tags.attributes if name in {"href", "src", "xlink:href"}]
    assert links
    assert all(value.startswith("#") and value[1:] in tags.ids for value in links)
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []
    assert "default-src 'none'" in page


def test_page_has_pictures_with_words(failing: Judgement) -> None:
    """Wrong entries as a heat map, and error against logits where some sizes come out right and others wrong."""
    labels = [value for name, value in Tags.of(html(failing)).attributes if name == "aria-label"]
    assert any(re.fullmatch(r"Heat map of dW as it came, \d x \d: (\d+) of \1 entries are wrong\.", x) for x in labels)
    assert any(re.match(r"Of \d+ questions with logits up to 1e\+300 in size, \d+ got a wrong", x) for x in labels)


def test_page_survives_hostile_text() -> None:
    tags = Tags.of(html(hostile()))
    assert tags.unbalanced == []
    assert "script" not in tags.opened
    assert "<script>alert(1)</script>" in tags.text


def test_page_opens_in_a_browser(tmp_path: Path) -> None:
    """Chromium finds what is meant, and nothing of the submission's has become an element."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium")
    page = tmp_path / "page.html"
    page.write_text(html(replace(judged(BATCH_WIDE, SUMMED), output="".join(HOSTILE[:2]))), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=1000"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [chromium, *flags, profile, "--dump-dom", page.as_uri()], capture_output=True, timeout=120, check=True
    )
    dom = done.stdout.decode("utf-8")
    assert dom.count("<svg") == html(judged(BATCH_WIDE, SUMMED)).count("<svg") >= 3
    assert "<title>FAIL: submission</title>" in dom
    assert "<script" not in dom
    assert "&lt;script&gt;alert(1)" in dom


# Figures


def test_heat_map_shows_the_numbers() -> None:
    """One colour and one number for each entry, frames around the wrong ones, no image of pixels."""
    values = np.array([[1.0, -2.0, np.nan], [0.0, np.inf, 0.5]])
    wrong = np.array([[True, False, True], [False, True, False]])
    figure = figures.heat_map(values, 2.0, wrong)
    (axes,) = figure.axes
    shown = np.ma.asarray(axes.collections[0].get_array()).reshape(2, 3)
    assert shown.mask.tolist() == [[False, False, True], [False, True, False]]
    assert [text.get_text() for text in axes.texts] == ["1", "-2", "nan", "0", "inf", "0.5"]
    assert len(axes.patches) == 3
    assert b"<image" not in figures.svg(figure)


def test_error_against_logits_shows_every_question() -> None:
    """Right, wrong and not finite, each in its own row, up to 1e300."""
    points = [
        (1.0, 0.0, 1e-15),
        (700.0, 1e-14, 1e-13),
        (745.0, 0.5, 1e-13),
        (1e4, np.nan, 1e-12),
        (1e300, np.inf, 1e284),
    ]
    figure = figures.error_against_logits(points)
    (axes,) = figure.axes
    drawn = {each.get_label(): len(each.get_offsets()) for each in axes.collections}
    assert drawn == {"right": 2, "wrong": 1, "inf or NaN": 2}
    assert axes.get_xlabel() == "largest logit of the question"
    figure.canvas.draw()
    assert axes.get_xticklabels()[-1].get_text() == "$10^{300}$"


# A class


def class_of_four() -> list[Entry]:
    return [
        entry_of("anna", judged()),
        entry_of("bert", judged(BATCH_WIDE)),
        entry_of("=cmd()\x1b[31m|[red]", judged(BATCH_WIDE, SUMMED)),
        problem_of("dora", "the sandbox cannot do its work: \n::error::x", 60.0),
    ]


def test_entries_can_be_stored() -> None:
    """Through JSON and back."""
    for entry in class_of_four():
        assert Entry.from_dict(json.loads(json.dumps(entry.as_dict()))) == entry


def test_class_summary_says_who_and_what() -> None:
    """Which checks fail for how many, each submission in a line, the slowest, and the totals."""
    stream = io.StringIO()
    class_summary.terminal(class_of_four(), Console(file=stream, width=60))
    text = stream.getvalue()
    assert "     2  softmax.forward.far_samples  batch-wide-shift (2)\n" in text
    assert "     1  linear.grad.values  not-averaged (1)\n" in text
    assert re.search(r"FAIL  bert +1\.2 s  205 passed, 2 failed; first SoftmaxLayer.forward: batch-wide-shift\n", text)
    assert re.search(r"ERROR dora +60\.0 s  the sandbox cannot do its work", text)
    assert "slowest  dora 60.0 s" in text
    assert "4 submissions: 1 pass, 2 fail, 1 without a verdict" in text
    assert not FORBIDDEN.search(text)
    assert not COMMAND.search(text)


def test_class_summary_tells_a_missing_class_once() -> None:
    """Not each of its checks; and where no class is there, the table says why."""
    everything = ("nobody", judged(only="relu.*", gone="ReLULayer"))
    entries = [entry_of("anna", judged(gone="LinearLayer")), entry_of(*everything), entry_of("bert", judged(SUMMED))]
    stream = io.StringIO()
    class_summary.terminal(entries, Console(file=stream, width=100))
    text = stream.getvalue()
    assert "     1  LinearLayer is missing\n" in text
    assert "     1  ReLULayer is missing\n" in text
    assert "     1  linear.grad.values  not-averaged (1)\n" in text
    assert "relu.forward.values" not in text
    rows = strictly(class_summary.FORMATS["json"](entries))["submissions"]
    assert [row["problem"] for row in rows] == [None, "there is no class ReLULayer in mlp.py", None]
    assert all(Entry.from_dict(json.loads(json.dumps(each.as_dict()))) == each for each in entries)


def test_class_tables_are_read_back() -> None:
    """A row for each submission; a spreadsheet is given no formula."""
    entries = class_of_four()
    rows = list(csv.DictReader(io.StringIO(class_summary.FORMATS["csv"](entries))))
    assert [row["verdict"] for row in rows] == ["pass", "fail", "fail", "error"]
    assert rows[1]["first_failed"] == "SoftmaxLayer.forward"
    assert rows[2]["name"] == r"'=cmd()\x1b[31m|[red]"
    table = strictly(class_summary.FORMATS["json"](entries))
    assert [row["name"] for row in table["submissions"]] == [entry.name for entry in entries]
    assert {"id": "softmax.forward.far_samples", "failed": 2} in table["checks"]
    page = rendered(class_summary.FORMATS["markdown"](entries))
    assert Tags.of(page).unbalanced == []
    assert page.count("<tr>") == 1 + len(table["checks"]) + 1 + len(entries)
    assert len(class_summary.as_markdown(entries * 1000, 10_000).encode()) <= 10_000


def test_record_names_every_field_of_the_schema() -> None:
    """The schema and the code list the same fields, so that neither is forgotten when one is added."""
    value = record(judged())
    assert list(value) == SCHEMA["required"] == list(SCHEMA["properties"])
    check = SCHEMA["$defs"]["check"]
    assert list(value["checks"][0]) == check["required"] == list(check["properties"])
