"""Facts, the sentences that are made of them, and reports of many findings: what is equal, shown, cut and counted."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from reference.findings import Finding
from reference.wording import MISTAKES, Fact, fact, hint_of, in_words, sentences
from reference.wording.report import counts, cut, report
from reference.wording.vocabulary import CAUSES

pytestmark = pytest.mark.catalogue

FAILED = Finding("relu.forward.values", "ReLULayer.forward", "failed", "It is right.", "Y = 1", "Y = 2")


def test_facts_are_equal_by_what_they_say() -> None:
    """Kind, fields and circumstances; a NaN is like a NaN, and the order of the fields does not matter."""
    one = fact("entry", what="Y", index=(0,), value=math.nan)
    assert one == fact("entry", index=(0,), value=float("nan"), what="Y")
    assert hash(one) == hash(fact("entry", index=(0,), value=float("nan"), what="Y"))
    others = [fact("entry", what="Y", index=(1,), value=math.nan), fact("zeros"), one.and_("own layers"), "x", None]
    assert all(one != other for other in others)
    assert one.and_("own layers") == one.and_("own layers") != one.and_("twice")
    assert one["what"] == "Y"
    with pytest.raises(KeyError):
        one["no such field"]


def test_circumstances_are_added_at_the_end() -> None:
    """The fact itself stays as it is."""
    one = fact("zeros")
    both = one.and_("at call", number=2).and_("twice")
    assert (one.more, one.fields) == ((), {})
    assert [(each.kind, each.fields) for each in both.more] == [("at call", {"number": 2}), ("twice", {})]
    assert str(both) == "".join(map(str, (one, *both.more)))
    with pytest.raises(LookupError):
        one.and_("at call")


@pytest.mark.parametrize(
    ("kind", "fields", "shown"),
    [
        ("number", {"value": 1}, "1.0"), ("number", {"value": 0.1}, "0.1"), ("number", {"value": 1 / 3}, repr(1 / 3)),
        ("row", {"what": "Y", "row": 2, "values": (1, 0.5)}, "Y[2] = [1.0, 0.5]"),
        ("entry", {"what": "Y", "index": (1, 2), "value": 3}, "Y[1, 2] = 3.0"),
        ("entry", {"what": "loss", "index": (), "value": 3}, "loss = 3.0"),
        ("parts", {"names": ("dW", "db")}, "[dW, db]"), ("unchanged", {"names": ("X", "T")}, "X and T"),
        ("answers shapes", {"subject": "f", "shapes": (("X", (1, 2)), ("T", (3,)))}, "X (1, 2), T (3,)"),
        ("entry near", {"what": "Y", "index": (0,), "value": 1.23456, "error": 0.0}, "Y[0] = 1.23456"),
        ("entry near", {"what": "Y", "index": (0,), "value": 1.23456, "error": 1e-3}, "Y[0] = 1.235"),
        ("entry near", {"what": "Y", "index": (0,), "value": 1.0, "error": 0.25}, "Y[0] between 0.75 and 1.25"),
        ("entry near", {"what": "Y", "index": (0,), "value": 1.0, "error": 1.0}, "Y[0] between 0 and 2"),
        ("entry near", {"what": "Y", "index": (0,), "value": -1.0, "error": 1.0}, "Y[0] between -2 and 0"),
        ("entry near", {"what": "Y", "index": (), "value": 1e-10, "error": 1e-10}, "Y = 1e-10"),
        ("entry near", {"what": "Y", "index": (), "value": 2.0, "error": 2e-3}, "Y = 2.0"),
        ("entry near", {"what": "Y", "index": (), "value": 1 / 3, "error": 1e-30}, f"Y = {1 / 3!r}"),
        ("entry near", {"what": "Y", "index": (), "value": 0.0, "error": 0.0}, "Y = 0.0"),
    ],
)  # fmt: skip
def test_values_are_shown_as_short_as_they_are_known(kind: str, fields: dict[str, Any], shown: str) -> None:
    """Numbers with all digits that tell them from others, names in a row, indices as they are written."""
    assert shown in str(fact(kind, **fields))


def test_every_kind_knows_its_fields() -> None:
    """And makes a sentence of them."""
    assert sentences.fields_of("entry near") == {"what", "index", "value", "error"}
    assert sentences.fields_of("entry") == {"what", "index", "value"}
    assert sentences.fields_of("zeros") == frozenset()
    given = {"names": ("a",), "shapes": (("X", (1,)),), "values": (1.0,), "constants": (("c", "1"),), "index": (0,)}
    for kind in sentences.SENTENCES:
        fields = {name: given.get(name, 1.0) for name in sentences.fields_of(kind)}
        assert sentences.sentence(kind, fields)


@pytest.mark.parametrize(
    ("mistake", "cause", "hint"),
    [
        ("crash", "shapes", CAUSES["shapes"]), (None, "refused", CAUSES["refused"]),
        ("sign", "shapes", MISTAKES["sign"].hint),
        ("crash", None, MISTAKES["crash"].hint), ("crash", "no cause", MISTAKES["crash"].hint), ("no word", None, None),
        (None, None, None), ("missing", "not run", CAUSES["not run"]), ("wrong-type", "stand-in", CAUSES["stand-in"]),
        ("wrong-shape", "several answers", CAUSES["several answers"]), ("scaled", "complex", CAUSES["complex"]),
        ("stateful", "attribute", MISTAKES["stateful"].hint),
    ],
)  # fmt: skip
def test_what_to_think_about(mistake: str | None, cause: str | None, hint: str | None) -> None:
    """The cause's, where the word says less; else the word's."""
    assert hint_of(mistake, cause) == hint


def test_words_are_explained() -> None:
    """With their meaning; what is no word stays as it is."""
    assert in_words("sign") == f"sign: {MISTAKES['sign'].meaning}"
    assert in_words("no word") == "no word"


def many(*statuses: Any, **fields: Any) -> list[Finding]:
    return [replace(FAILED, check=f"a.b.c{n}", status=status, **fields) for n, status in enumerate(statuses)]


def test_statuses_are_counted() -> None:
    """In the order in which they come first."""
    assert counts(many("failed", "passed", "failed", "skipped")) == "2 failed, 1 passed, 1 skipped"
    assert counts([]) == "no findings"


def test_long_texts_are_cut() -> None:
    """After so many characters, which is shown."""
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "abc..."


def test_a_report_begins_with_the_first_failure() -> None:
    """In full, up to twelve lines; the others in a line each with their word, then faults, then the counts."""
    found = many("passed", "failed", "failed", "error", "skipped")
    found[2] = replace(found[2], mistake="sign", actual="2" * 300)
    lines = report(found).splitlines()
    first = str(found[1]).splitlines()
    assert lines[: len(first)] == first
    other, fault, last = lines[len(first) :]
    assert other == f"a.b.c2: failed: got {'2' * 300}"[:160] + "... [sign]"
    assert fault == "a.b.c3: error: Y = 2"
    assert last == counts(found)
    tall = report([replace(FAILED, actual="\n".join("abcdefghijklmnopqrstuvwxyz"))]).splitlines()
    assert len(tall) == 13
    wide = report([replace(FAILED, actual="x" * 1000)]).splitlines()
    assert max(map(len, wide)) == 403


@pytest.mark.parametrize(("number", "more"), [(16, None), (17, 2), (40, 25)])
def test_a_report_has_twenty_lines_at_most(number: int, more: int | None) -> None:
    """The rest is counted."""
    lines = report(many(*["failed"] * number)).splitlines()
    assert len(lines) == 20 if more else len(lines) <= 20
    assert [line for line in lines if line.startswith("and ")] == ([] if more is None else [f"and {more} more"])
    assert lines[-1] == f"{number} failed"


def test_a_report_without_failures_says_what_was_not_judged() -> None:
    """Each reason once, of one check or of several, after what is noted of those that passed; four lines at most."""
    found = many("skipped", "passed", "skipped", "skipped")
    found[0] = replace(found[0], actual="alone")
    found[1] = replace(found[1], note="digits are lost")
    assert report(found).splitlines() == [
        "a.b.c1: passed: digits are lost", "a.b.c0: skipped: alone", "2 checks skipped: Y = 2", "3 skipped, 1 passed",
    ]  # fmt: skip
    reasons = [replace(each, actual=f"{n}") for n, each in enumerate(many(*["skipped"] * 6))]
    assert report(reasons).splitlines()[3:] == ["and 3 more", "6 skipped"]
    assert len(report(reasons[:4]).splitlines()) == 5
    with_fault = report([*found, *many("error")]).splitlines()
    assert "a.b.c0: error: Y = 2" in with_fault
    assert report([replace(each, note="a note") for each in many("failed", "passed")]).count("a note") == 1
    assert isinstance(fact("zeros"), Fact)
