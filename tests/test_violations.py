"""A broken promise: how gross it is, what it is like, how another is made of it, and how it looks in a notebook."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference.execution.worker.protocol import Place, Reply, Unusable
from reference.findings import Evidence, Finding, Findings, Violation, grossness, passed
from reference.lab import replies
from reference.wording import fact, html

pytestmark = pytest.mark.catalogue

FAILED = Finding("relu.forward.values", "ReLULayer.forward", "failed", "It is right.", "Y = 1", "Y = 2")


def entry(value: Any, kind: str = "entry") -> Any:
    return fact(kind, what="Y", index=(0,), value=value)


def off(due: float, came: float, bound: float | None = None, mistake: str | None = None) -> Violation:
    return Violation(entry(due), entry(came), bound=bound, mistake=mistake)


@pytest.mark.parametrize(
    ("due", "came", "bound", "gross"),
    [
        (1.0, 3.0, 0.5, 4.0), (3.0, 1.0, 0.5, 4.0), (1.0, 1.0, 0.5, 0.0), (-1.0, 1.0, 0.5, 4.0),
        (1.0, 1.5, None, 2.0**51),
        (1.0, 1.5, 0.0, 2.0**51), (1.0, 1.5, 1e-20, 2.0**51), (2.0, 3.0, None, 2.0**51), (1.0, math.nan, 0.5, math.inf),
        (1.0, math.inf, 0.5, math.inf), (math.inf, 1.0, 0.5, math.inf), (math.nan, 1.0, 0.5, math.inf),
    ],
)  # fmt: skip
def test_how_gross_an_error_is(due: float, came: float, bound: float | None, gross: float) -> None:
    """In units of what is allowed, or of the last digit of what is due; infinite where a number is none."""
    assert grossness(entry(due), entry(came), bound) == gross
    assert off(due, came, bound).grossness == gross
    assert replace(FAILED, due=entry(due), came=entry(came), bound=bound).grossness == gross


def test_what_is_no_entry_is_infinitely_gross() -> None:
    """On either side, or where a fact is absent."""
    other = fact("zeros")
    for facts in ((other, entry(1.0)), (entry(1.0), other), (None, entry(1.0)), (entry(1.0), None), (None, None)):
        assert grossness(*facts, 0.5) == math.inf
    assert FAILED.grossness == math.inf


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (off(1, 9, 0.5), off(1, 9, 0.5), True), (off(1, 9, 0.5), off(1, 9, 0.5, "sign"), False),
        (off(1, 9, 0.5, "sign"), off(1, 9, 0.5, "sign"), True), (off(1, 3, 0.5), off(1, 9, 0.5), True),
        (off(1, 2.9, 0.5), off(1, 9, 0.5), False), (off(1, 1e6, 0.5), off(1, 9, 0.5), True),
        (off(1, math.nan), off(1, 9, 0.5), False), (off(1, 9, 0.5), off(1, math.nan), False),
        (off(1, math.nan), off(1, math.inf), True),
        (Violation(fact("zeros"), entry(9)), off(1, 9), False), (Violation(entry(1), fact("zeros")), off(1, 9), False),
        (Violation(fact("zeros"), fact("zeros")), Violation(fact("zeros"), fact("zeros")), True),
    ],
)  # fmt: skip
def test_violations_are_alike(one: Violation, other: Violation, alike: bool) -> None:
    """With one word, and facts of one kind, and at least half of the digits lost that the other has lost."""
    assert one.is_like(other) == alike


def test_a_violation_is_never_changed() -> None:
    """Another is made of it, with its cause; what it was made of may change."""
    shown = {"X": [1]}
    evidence = Evidence("Y", [1.0], [2.0], [0.5])
    fields: dict[str, Any] = {
        "index": (0,), "bound": 0.5, "counterexample": shown, "mistake": "sign", "repro": "print(1)",
        "evidence": evidence, "asked": ("f",), "mistakes": ("sign", "scaled"),
    }  # fmt: skip
    violation = Violation(entry(1), entry(2), **fields)
    violation.__cause__ = ValueError("why")
    other = violation.but(mistake="scaled")
    assert vars(other) == {**vars(violation), "mistake": "scaled"}
    assert (violation.mistake, other.__cause__) == ("sign", violation.__cause__)
    assert {name: getattr(other, name) for name in fields} == {**fields, "mistake": "scaled"}
    shown["X"] = [2]
    assert violation.counterexample == {"X": [1]}
    bare = Violation(entry(1), entry(2))
    assert {name: getattr(bare, name) for name in fields} == {
        **dict.fromkeys(fields), "counterexample": {}, "mistakes": (),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "ok"),
    [
        ([], False), (["passed"], True), (["skipped"], False), (["passed", "skipped"], True),
        (["passed", "failed"], False), (["passed", "error"], False),
    ],
)  # fmt: skip
def test_all_is_well_where_something_passed_and_nothing_failed(statuses: list[Any], ok: bool) -> None:
    """A fault of the examiner is no success either."""
    findings = Findings(replace(FAILED, status=status) for status in statuses)
    assert findings.ok == passed(iter(findings)) == ok
    assert [each.status for each in findings.failed] == [each for each in statuses if each == "failed"]


def cells(page: str, tag: str = "td") -> list[str]:
    return re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", page)


def test_a_finding_in_a_notebook() -> None:
    """The check, its status in its colour, the promise, each fact in a row, and the script; nothing else."""
    colours = {}
    for status in ("passed", "failed", "error", "skipped", "unknown"):
        page = html.finding("a.<b>", status, "It & that.", [("got", "<1>"), ("for", "x")], "print(1 < 2)")
        assert "<code>a.&lt;b&gt;</code>" in page
        assert "It &amp; that." in page
        assert (cells(page, "th"), cells(page)) == (["got", "for"], ["&lt;1&gt;", "x"])
        assert page.endswith("</table><pre>print(1 &lt; 2)</pre>")
        (colours[status],) = re.findall(rf"color:(#\w+)\">{status}<", page)
    assert colours["failed"] == colours["error"] != colours["passed"]
    assert colours["skipped"] == colours["unknown"] not in {colours["passed"], colours["failed"]}
    for script in (None, ""):
        assert html.finding("a", "passed", "It.", [], script).endswith("It.</p><table></table>")


def test_many_findings_in_a_notebook() -> None:
    """The counts, and a row for each: twenty at most, with how many more, and what came cut after 200 letters."""
    assert html.summary("all <passed>", []) == "<p>all &lt;passed&gt;</p>"
    for number in (1, 20, 21, 50):
        page = html.summary(
            "counts", [("a.<b>", "failed", "A&B", "c" * length) for length in [201, *[200] * 49]][:number]
        )
        assert page.startswith("<p>counts</p><table>")
        assert page.count("<tr>") == min(number, 20)
        assert page.endswith("</table>" if number <= 20 else f"</table><p>and {number - 20} more</p>")
        assert cells(page)[:4] == ["<code>a.&lt;b&gt;</code>", "failed", "A&amp;B", "c" * 200 + "..."]
        assert cells(page)[7::4] == ["c" * 200] * (min(number, 20) - 1)
    row = [("a", status, "", "") for status in ("passed", "error", "unknown")]
    assert len(set(re.findall(r"color:(#\w+)", html.summary("", row)))) == 3


def test_entries_in_a_notebook() -> None:
    """In rows along the last axis; red where rounding does not explain it, and where a number is none."""
    red, green = "#b3261e", "#1a7f37"
    page = html.entries(Evidence("<Y>", [[1.0, 2.0]], [[1.5, 2.0]], [[0.5, 0.0]]))
    assert page.startswith("<p><code>&lt;Y&gt;</code>, wrong entries in red:</p><table>")
    assert page.endswith("</table>")
    assert (page.count("<tr>"), cells(page)) == (1, ["1", "2"])
    assert (page.count(red), page.count(green)) == (0, 2)
    cases = [(1.0, 1.5, 0.4, red), (math.nan, 1.0, 9.0, red), (1.0, 9.0, math.nan, green), (1.5, 1.0, 0.5, green)]
    for actual, expected, allowed, colour in cases:
        page = html.entries(Evidence("Y", [actual], [expected], [allowed]))
        assert f"background:{colour};" in page
        assert f'title="expected {expected!r}, got {actual!r}"' in page
        single: Any = Evidence("Y", actual, expected, allowed)  # type: ignore[arg-type]
        assert html.entries(single) == page
    cube = np.arange(8.0).reshape(2, 2, 2).tolist()
    page = html.entries(Evidence("Y", cube, cube, cube))
    assert (page.count("<tr>"), cells(page)) == (4, [f"{number}" for number in range(8)])
    assert html.entries(Evidence("Y", [], [], [])).count("<tr>") == 1


def test_a_finding_shows_a_picture_only_where_it_failed() -> None:
    """Of the entries; a skipped one its reason, a passed one the promise alone."""
    shown = replace(FAILED, evidence=Evidence("Y", [1.0], [2.0], [0.5]), repro="print(1)")
    assert "wrong entries in red" in shown._repr_html_()
    assert cells(shown._repr_html_())[:2] == ["Y = 1", "Y = 2"]
    assert "<pre>print(1)</pre>" in shown._repr_html_()
    assert "wrong entries" not in replace(shown, status="passed")._repr_html_()
    assert "wrong entries" not in FAILED._repr_html_()
    skipped = replace(FAILED, status="skipped", actual="nobody knows")._repr_html_()
    assert (cells(skipped, "th"), cells(skipped)) == (["reason"], ["nobody knows"])
    assert cells(replace(FAILED, status="passed", actual=None)._repr_html_()) == []
    assert "ReLULayer.forward: It is right." in skipped
    many = Findings([shown, replace(FAILED, check="a.b.c", actual=None), replace(FAILED, status="passed")])
    page = many._repr_html_()
    assert page.startswith("<p>2 failed, 1 passed</p>")
    assert page.count("wrong entries in red") == 1
    assert page.count("<code>relu.forward.values</code>") == 2
    assert page.count("<code>a.b.c</code>") == 1


@pytest.mark.parametrize(
    ("cause", "source", "kind"),
    [
        ("arguments", "def f(x):", "takes no such arguments"), (None, "x / 0", "raised at"),
        ("division", "x / 0", "raised at"),
        (None, "", "raised in"), ("arguments", "", "raised in"),
    ],
)  # fmt: skip
def test_what_is_raised_is_told_with_its_place(cause: str | None, source: str, kind: str) -> None:
    """The expression where it can be read; where a call did not take the arguments, the definition."""
    reply = Reply(error="TypeError: no", error_kind="TypeError", cause=cause, place=Place("a.py", 3, source))
    found = replies.raised(reply)
    assert (found.kind, found.fields) == ("raised", {"error": "TypeError", "said": "TypeError: no", "cause": cause})
    assert [(each.kind, each.fields) for each in found.more] == [(kind, {"file": "a.py", "line": 3, "source": source})]
    assert replies.raised(replace(reply, place=None)).more == ()


@pytest.mark.parametrize(
    ("cause", "kind", "word"),
    [("arguments", "TypeError", "argument-order"), (None, "TypeError", "crash"),
     ("absent", "AttributeError", "missing"),
     (None, "NotImplementedError", "not-implemented")],
)  # fmt: skip
def test_a_call_by_position_that_is_refused_has_its_word(cause: str | None, kind: str, word: str) -> None:
    """What the names fit and the order does not is the order's fault."""
    assert replies.word_by_position(Reply(error="x", error_kind=kind, cause=cause)) == word


@pytest.mark.parametrize(
    ("value", "kind", "name", "cause", "word"),
    [
        (None, "NoneType", "None", None, "not-implemented"), ("x", "str", "str", None, "wrong-type"),
        (Unusable("a set"), "set", "set", None, "wrong-type"),
        (Unusable("x", "stand-in"), "Tensor", "Tensor", "stand-in", "wrong-type"),
        (Unusable("x", "dtype"), "ndarray", "ndarray", None, "wrong-dtype"),
        (Unusable("x", "shape"), "ndarray", "ndarray", None, "wrong-shape"),
        (np.zeros(2, complex), "ndarray", "ndarray", None, "wrong-dtype"),
    ],
)  # fmt: skip
def test_what_came_is_told_by_its_type(value: Any, kind: str, name: str, cause: str | None, word: str) -> None:
    """And a stand-in as such."""
    found = replies.type_of(Reply(value, kind))
    assert (found.kind, found["name"], found["cause"]) == ("type", name, cause)
    assert replies.word_for(value) == word
