"""Nothing reads a sentence: with one word of nonsense in the place of each, all else that is found stays the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from reference.findings import Finding
from reference.lab.mistakes import CATALOGUE, Mistake, plain
from reference.wording import fact, hint_of, sentences
from reports.course.entry import entry_of
from reports.verdicts import expectations, grouping
from tests.gradients import tanh_vjp
from tests.strategies import NIGHTLY
from tests.submissions import LEAKY, MARKS, RELU, RIGHT, outcome, submission

pytestmark = MARKS

NONSENSE = "xyzzy"
#: Some of the catalogue's, of every class and of many words.
MISTAKES = CATALOGUE[:: 11 if NIGHTLY else 29]
#: Of each kind of thing that is told of a file: it is right or wrong, ends early, is refused something, lacks a class
#: or a method, answers with what comes from a module that is not here.
HANDED_IN = {
    "right": RIGHT,
    "wrong": LEAKY,
    "ends early": "raise RuntimeError('no')\n" + RIGHT,
    "is refused a thread": "import threading\nthreading.Thread(target=print).start()\n" + RIGHT,
    "is refused a file": "open('/etc/passwd', 'a')\n" + RIGHT,
    "no class": "class Relu: pass\n",
    "no method": "class ReLULayer:\n    def __init__(self, name): self.name = name\n",
    "other names": RIGHT.replace("return np.maximum(X, 0)", "return np.maximum(X, 0, axes=1)"),
    "a stand-in": "import tensorflow\n" + RIGHT.replace("return np.maximum(X, 0)", "return tensorflow.relu(X)"),
}
Read = Callable[[], Any]


def in_nonsense(read: Read, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """What is read with the sentences, and what with nonsense."""
    with_sentences = read()
    with monkeypatch.context() as context:
        context.setattr(sentences, "sentence", lambda kind, fields: NONSENSE)
        return with_sentences, read()


def judged(findings: Iterable[Finding]) -> list[Any]:
    """All that a program may read of findings."""
    return [(each.check, each.status, each.mistake, each.hint, each.index, each.due, each.came) for each in findings]


def test_nonsense_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the tests below: it arrives in the findings."""
    classes = {**plain.CLASSES, "ReLULayer": type("ReLULayer", (), {})}
    _, found = in_nonsense(lambda: reference.check(classes, only="relu.made"), monkeypatch)
    assert {each.actual for each in found} == {NONSENSE}


@pytest.mark.catalogue
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistakes_are_named_without_sentences(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same checks fail, with the same mistake and the same hint."""
    cls = mistake.subject.partition(".")[0]

    def read() -> Any:
        return judged(reference.check(mistake.classes, only=cls, effort="quick", seed=3))

    one, other = in_nonsense(read, monkeypatch)
    assert one == other


@pytest.mark.parametrize("name", HANDED_IN)
def test_submissions_are_judged_without_sentences(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same findings, the same entry in the summary of a course, the same groups, the same hints."""
    path = tmp_path / "layers.py"
    path.write_text(HANDED_IN[name], encoding="utf-8")

    def read() -> Any:
        judgement = reference.judge(path, only="relu.*", seed=1, effort="quick")
        entry = entry_of("a", judgement)
        groups = [(each.name, each.status, each.counts) for each in grouping.by_class(judgement.findings)]
        return judged(judgement.findings), judgement.verdict, entry.failed, entry.missing, groups

    one, other = in_nonsense(read, monkeypatch)
    assert one == other


def test_functions_are_judged_without_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong factor, a state, a layout that matters, a changed argument."""
    kept: list[Any] = []

    def remembers(delta: Any, X: Any) -> Any:
        kept.append(X)
        return (delta * (1 - np.tanh(kept[max(0, len(kept) - 2)]) ** 2),)

    def writes(delta: Any, X: Any) -> Any:
        delta *= 1 - np.tanh(X) ** 2
        return (delta,)

    wrong = (lambda delta, X: (2 * tanh_vjp(delta, X)[0],), remembers, writes, lambda delta, X: tanh_vjp(delta, X)[0])
    for vjp in wrong:

        def read(vjp: Any = vjp) -> Any:
            kept.clear()
            return judged(reference.check_vjp(np.tanh, vjp, np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])))

        one, other = in_nonsense(read, monkeypatch)
        assert one == other
        assert any(status == "failed" for _, status, *_ in one)


@pytest.mark.parametrize(("source", "code"), [(RIGHT, 0), (LEAKY, 1), ("raise RuntimeError\n", 1)])
def test_exit_codes_are_the_same_without_sentences(source: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the command, whatever it prints."""
    path = submission(source)
    assert in_nonsense(lambda: outcome(path, *RELU, "--seed", "1"), monkeypatch) == (code, code)


def test_expected_failures_are_known_without_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """They count as accepted, and an expectation that is stale fails."""
    findings = reference.check({**plain.CLASSES, "ReLULayer": CATALOGUE[0].classes["ReLULayer"]}, only="relu.*")
    some = [expectations.Expectation("relu.*", "later"), expectations.Expectation("softmax.none", "never")]
    judgement = reference.Judgement("a", tuple(findings), 3, "quick", 0, 0.0, "none")

    def read() -> Any:
        found = expectations.apply(some, judgement).findings
        return judged(found), [expectations.accepted(each) is not None for each in found]

    one, other = in_nonsense(read, monkeypatch)
    assert [status for _, status, *_ in one[0]] == [status for _, status, *_ in other[0]]
    assert one[1] == other[1]


def test_facts_have_all_fields_that_their_sentence_needs() -> None:
    """Whoever forgets one is told so where the fact is made; a kind that does not exist is refused as well."""
    with pytest.raises(LookupError, match=r"expected the fields \['dtype', 'what'\] for 'dtype of', got \['dtype'\]"):
        fact("dtype of", dtype="float64")
    with pytest.raises(LookupError, match="no such fact"):
        fact("no such fact")


def test_hints_tell_a_cause_before_a_word() -> None:
    """Where more is known than that a call ends with an exception."""
    assert hint_of("crash", "refused") != hint_of("crash") is not None
    assert hint_of("no word") is None
    assert hint_of(None) is None
