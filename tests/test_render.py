"""Every format says what was found, is read back by a real parser, and interprets nothing that a submission says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, SystemOut, TestCase, TestSuite

from reference import Judgement
from reference.execution.implementation import CLASSES
from reference.lab.check import checks_of
from reference.lab.mistakes import CATALOGUE
from reference.wording import MISTAKES
from reports.verdicts import expectations, junit
from reports.verdicts import json as as_json
from reports.verdicts.expectations import Expectation
from reports.verdicts.json_ import record
from reports.verdicts.text import lines_of, one_line, visible
from tests.judgements import (
    BATCH_WIDE,
    COMMAND,
    EMPTY,
    FORBIDDEN,
    HOSTILE,
    failing,
    hostile,
    judged,
    on_terminal,
    strictly,
    told,
    told_of_failing,
    with_error,
)

pytestmark = pytest.mark.outside

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((resources.files("reports.verdicts") / "verdict.schema.json").read_text(encoding="utf-8"))


# All formats


def test_every_mistake_has_words() -> None:
    """Each word of the vocabulary has a meaning on one line, which is more than the word itself."""
    assert {each.word for each in CATALOGUE} <= set(MISTAKES)
    assert all("\n" not in word.meaning and word.meaning != name for name, word in MISTAKES.items())


@pytest.mark.parametrize("form", ["terminal", "junit", "markdown", "html"])
def test_what_a_student_needs_is_said(form: str) -> None:
    """Every format shows promise, expected, got, mistake in words, hint, script, seed and isolation."""
    said = " ".join(re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), told_of_failing(form)).split())
    for part in (
        "linear.grad.values", "LinearLayer.grad", "The answer is the true one, but for rounding.",
        "not-averaged: a sum over the batch stands where the mean is due", "when the batch is twice as large?",
        "layer = LinearLayer(", "linear.grad.averaged: expected", "depends on linear.grad.values",
        "a process of its own: limits of time", "stand-ins that do nothing took the place of tqdm", "training...",
        "no part of the verdict", "softmax.forward.far_samples",
    ):  # fmt: skip
        assert part in said, part
    assert "--seed 1" in said or form == "junit"  # which has plain values


def expected_failures() -> Judgement:
    """The judgement of a batch-wide shift, with all failures expected."""
    judgement = judged(BATCH_WIDE)
    covered = [each.check for each in judgement.findings if each.status == "failed"]
    assert len(covered) >= 2
    return expectations.apply([Expectation(check, "comes in week 5") for check in covered], judgement)


@pytest.mark.parametrize("form", ["terminal", "markdown", "html"])
def test_expected_failures_are_told_as_such(form: str) -> None:
    """Every format shows an accepted failure as such, neither left out nor called unjudged."""
    said = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), told(form, expected_failures()))
    assert "verything else holds" in said
    number = sum(each.status == "failed" for each in judged(BATCH_WIDE).findings)
    skipped = strictly(as_json(expected_failures()))["counts"]["skipped"]
    assert skipped > number >= 2
    assert f"{number} failed as expected, {skipped - number} not judged" in said
    assert "softmax.forward.far_samples: comes in week 5 (got " in said


@pytest.mark.parametrize("form", ["terminal", "markdown", "html"])
def test_partial_judgements_are_told_as_such(form: str) -> None:
    """If only a part of the checks was made, the line with the verdict says so."""
    said = unescape(told(form, judged(only="linear.made")))
    assert f"verything asked for holds (--only 'linear.made': 2 of {len(checks_of('*', 3))} checks)" in said
    assert "asked for" not in unescape(told(form, judged()))


@pytest.mark.parametrize("form", ["json", "junit", "markdown", "html", "terminal"])
def test_nothing_foreign_is_interpreted(form: str) -> None:
    """No format contains control, bidi or surrogate characters, or a command that a GitHub runner obeys."""
    text = told(form, hostile())
    assert not FORBIDDEN.search(text)
    assert not COMMAND.search(text)
    text.encode("utf-8")


@pytest.mark.parametrize("form", ["json", "junit", "markdown", "html", "terminal"])
def test_rendering_is_pure(form: str) -> None:
    """The same judgement gives the same text."""
    assert told(form, failing()) == told_of_failing(form)


def test_visible_spells_what_would_be_obeyed() -> None:
    """Characters that would be interpreted become escapes; ordinary text and line ends stay as they are."""
    assert visible("a\x1b[1m\u202eb\ud800") == r"a\x1b[1m\u202eb\ud800"
    assert visible("Grüße, 平均 🙂 x[::2]") == "Grüße, 平均 🙂 x[::2]"
    assert one_line("a\nb\r\nc") == r"a\nb\nc"
    assert one_line("x" * 50, 10) == "x" * 10 + "..."
    assert lines_of("a\nb\nc", 2) == ["a", "b", "... and 1 more line"]


# Terminal


def test_plain_text_is_for_searching() -> None:
    """Without a terminal there is no colour and no wrapping, and FAIL, method and check are on one line."""
    text = on_terminal(failing(), width=40)
    assert "  FAIL LinearLayer.grad  linear.grad.values\n" in text
    assert f"pass ReLULayer  {len(checks_of('relu', 3))} passed\n" in text
    assert "    promise   The answer is the true one, but for rounding.\n" in text
    assert text.splitlines()[-2].startswith("FAIL submission: ")
    assert text.isascii()


@pytest.mark.parametrize("width", [20, 60, 120])
def test_terminal_is_not_overrun(width: int) -> None:
    """No line is wider than the terminal, except those of scripts and arrays, which can be copied whole."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(failing(), width, is_terminal=True))
    assert "✗" in text
    script = {line.strip() for each in failing().findings for line in (each.repro or "").splitlines()}
    assert [line for line in text.splitlines() if len(line) > width and line.strip() not in script] == []


def test_colour_is_for_terminals_alone() -> None:
    """Output to a file or a pipe has no colours."""
    assert "\x1b[" in on_terminal(failing(), is_terminal=True)
    assert "\x1b[" not in on_terminal(failing())


def test_labels_are_dim_on_a_terminal() -> None:
    """What stands before a reason is set apart from it, in the style of every label."""
    for judgement, label in ((failing(), "not judged: "), (expected_failures(), "failed as expected: ")):
        assert f"\x1b[2m{label}" in on_terminal(judgement, 200, is_terminal=True)


def test_one_main_failure_a_method() -> None:
    """The first failure of a method is shown in full, each other one on a line, and skips by their reason."""
    text = on_terminal(failing())
    assert text.count("promise ") == 2  # one for each of the two wrong methods
    assert "      FAIL linear.grad.averaged: expected dW" in text
    assert "not judged: 10 checks: depends on linear.grad.values, which did not pass" in text


def test_missing_class_is_told_once() -> None:
    """All checks of a missing class fail for one reason, which is shown once."""
    text = on_terminal(judged(gone="SoftmaxLayer"))
    assert text.count("there is no class SoftmaxLayer in mlp.py") == 1
    assert "44 further checks of SoftmaxLayer for the same reason" in text


def test_own_output_does_not_hide_the_verdict() -> None:
    """Of a submission's long output only the first lines are shown."""
    text = on_terminal(replace(judged(only="linear.made"), output="epoch\n" * 20_000))
    assert text.count("| epoch") == 12
    assert "... and 19988 more lines" in text


def test_errors_are_the_examiners_own() -> None:
    """No format shows a fault of the examiner as a failure of the submission."""
    everything = {form: told(form, with_error()) for form in ("terminal", "json", "markdown", "html")}
    assert "ERROR MLP.evaluate  mlp.evaluate.values: the examiner's own fault, no verdict" in everything["terminal"]
    assert strictly(everything["json"])["verdict"] == "error"
    assert "FAIL" not in everything["terminal"]
    assert "own fault, no verdict" in everything["html"]
    assert "own fault, no verdict" in everything["markdown"].replace("&#x27;", "'")


# JSON


@pytest.mark.parametrize("make", [judged, failing, lambda: judged(EMPTY), hostile, with_error])
def test_json_is_strict_and_of_the_schema(make: Callable[[], Judgement]) -> None:
    """The JSON is ASCII without NaN, valid by verdict.schema.json, and in the order of the interface."""
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
    """Every text comes back from the JSON as it was, and numbers that are not finite as strings."""
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


def test_record_names_every_field_of_the_schema() -> None:
    """The schema and the code list the same fields, so that neither is forgotten when one is added."""
    value = record(judged())
    optional = ["points"]
    assert [*value, *optional] == [*SCHEMA["required"], *optional] == list(SCHEMA["properties"])
    check = SCHEMA["$defs"]["check"]
    assert list(value["checks"][0]) == check["required"] == list(check["properties"])


# JUnit


def cases(text: str) -> Iterator[TestCase]:
    for suite in JUnitXml.fromstring(text.encode("utf-8")):
        yield from suite


def test_junit_is_read_back() -> None:
    """The JUnit file has a suite for each class and a case for each check, with time and outcome."""
    xml = JUnitXml.fromstring(junit(failing()).encode("utf-8"))
    suites: list[TestSuite] = list(xml)
    assert [suite.name for suite in suites] == [name for name in CLASSES if name != "NaiveSoftmaxLayer"]
    counts = failing().counts
    assert (xml.tests, xml.failures, xml.skipped, xml.errors) == (
        len(failing().findings), counts["failed"], counts["skipped"], counts["error"],
    )  # fmt: skip
    found = {case.name: case for case in cases(junit(failing()))}
    assert set(found) == {each.check for each in failing().findings}
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
        "isolation": failing().isolation, "notes": failing().notes[0],
    }  # fmt: skip


def test_junit_survives_hostile_text() -> None:
    """The JUnit file with hostile text is XML, and contains the text with escapes."""
    found = list(cases(junit(hostile())))
    assert len(found) == len(hostile().findings)
    assert "]]><x/>" in found[0].result[0].text
    assert r"\x1b[31mred" in found[0].result[0].text
    assert isinstance(found[-1].result[0], Error)


def test_junit_is_red_where_nothing_was_judged() -> None:
    """If all checks are skipped, the JUnit file has a failure, because CI services look at failures alone."""
    findings = tuple(
        replace(each, status="skipped", actual="no oracle") for each in judged(only="linear.made").findings
    )
    nothing = replace(judged(only="linear.made"), findings=findings)
    assert nothing.verdict == "fail"
    assert [case.name for case in cases(junit(nothing)) if isinstance(next(iter(case.result), None), Failure)] == [
        "verdict"
    ]
    assert "nothing could be judged" in on_terminal(nothing)
