"""The report's count of who catches which known mistake."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.lab import definitions
from reference.lab.mistakes import CATALOGUE
from reference.lab.mistakes.plain import CLASSES
from reference.lab.second_hand import CODINGS
from reference.numerics.oracles import ball
from reports.study import known_mistakes, usual_tests
from tests.comparing import needs_flint

pytestmark = [needs_flint, pytest.mark.outside]


def number_of(subject: str, word: str) -> int:
    """The number of the catalogue's first such mistake."""
    return next(n for n, each in enumerate(CATALOGUE) if (each.subject, each.word) == (subject, word))


def test_who_catches_what() -> None:
    """All checkers catch a wrong gradient; only ours catches a wrong forward pass with its own right gradient."""
    everybody = {*usual_tests.checkers(), "ours"}
    for subject, word, expected in (
        ("ReLULayer.delta", "mask-missing", everybody),
        ("SoftmaxLayer.forward", "no-shift", {"ours"}),
    ):
        judged = known_mistakes.judge(number_of(subject, word))
        assert {name for name, caught in judged["caught"].items() if caught} == expected
        assert (judged["accepted"], judged["said"], judged["named"], judged["misnamed"]) == (
            [word],
            [word],
            True,
            False,
        )


def test_a_name_that_is_not_accepted_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake that is caught under another name counts as caught and misnamed, and not as rightly named."""
    number = number_of("ReLULayer.delta", "mask-missing")
    other = known_mistakes.Coding("other", "ReLULayer.delta", ("sign",), "", CATALOGUE[number].classes)
    monkeypatch.setattr(known_mistakes, "_coding", lambda mistake: other)
    judged = known_mistakes.judge(number)
    assert (judged["caught"]["ours"], judged["named"], judged["misnamed"]) == (True, False, True)


def test_both_hands_are_counted_by_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every judgement counts once for its class and once for all, apart for each hand."""
    names = ["ours", *usual_tests.checkers()]

    def said(hand: str, cls: str, *, ours: bool, named: bool, others: bool = False) -> dict[str, Any]:
        caught = {"ours": ours} | dict.fromkeys(names[1:], others)
        flags = {"named": named, "misnamed": not named, "blames": False}
        return {"hand": hand, "subject": f"{cls}.delta", "caught": caught} | flags

    mistakes = [
        said("catalogue", "ReLULayer", ours=True, named=True, others=True),
        said("catalogue", "ReLULayer", ours=True, named=False),
        said("catalogue", "SoftmaxLayer", ours=False, named=False),
        said("second hand", "ReLULayer", ours=True, named=True),
    ]
    right = [{"caught": dict.fromkeys(names, False)}] * 12
    monkeypatch.setattr(known_mistakes, "_judge_all", lambda chosen: right + mistakes)
    found = known_mistakes.measure(every=100)
    counts = ("mistakes", "ours", "named", "misnamed", "course")
    catalogue, second = found["hands"]["catalogue"], found["hands"]["second hand"]
    assert [catalogue["by_class"]["ReLULayer"][name] for name in counts] == [2, 2, 1, 1, 1]
    assert [catalogue["by_class"]["SoftmaxLayer"][name] for name in counts] == [1, 0, 0, 1, 0]
    assert [catalogue["all"][name] for name in counts] == [3, 2, 1, 2, 1]
    assert [second["all"][name] for name in counts] == [1, 1, 1, 0, 0]
    assert (found["checkers"], found["each"]) == (names, mistakes)


def test_a_sample_has_mistakes_of_both_hands() -> None:
    """Every n-th mistake of the catalogue is in the sample, and every n-th of the second hand."""
    chosen = known_mistakes.numbers(50)
    assert [n for n in chosen if n < len(CATALOGUE)] == [*range(0, len(CATALOGUE), 50)]
    assert [n - len(CATALOGUE) for n in chosen if n >= len(CATALOGUE)] == [*range(0, len(CODINGS), 50)]
    hands = [known_mistakes.judge(number_of("ReLULayer.delta", "mask-missing"))["hand"]]
    relu = next(n for n, each in enumerate(CODINGS) if each.subject.startswith("ReLU"))
    assert [*hands, known_mistakes.judge(len(CATALOGUE) + relu)["hand"]] == ["catalogue", "second hand"]


def test_false_alarms_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each right class that a checker fails is a false alarm."""
    monkeypatch.setattr(known_mistakes, "checkers", lambda: {"stern": lambda cls, classes: cls != "MLP"})
    monkeypatch.setattr(known_mistakes, "numbers", lambda every: [])
    monkeypatch.setattr(known_mistakes.reference, "check", lambda *given, **options: [])
    monkeypatch.setattr(known_mistakes, "cores", lambda: 1)
    assert known_mistakes.measure()["right"] == {"classes": 12, "ours": 0, "stern": 2}


def test_processes_of_their_own_count_the_same() -> None:
    """Worker processes give the same results as this process."""
    chosen = [number_of("ReLULayer.delta", "mask-missing"), number_of("SoftmaxLayer.forward", "no-shift")]
    expected = [known_mistakes.judge(number) for number in chosen]
    assert expected[0] != expected[1]
    assert known_mistakes.in_processes(chosen, 1) == expected


@pytest.mark.parametrize(("items", "cores", "workers"), [(12, 8, 0), (25, 8, 2), (25, 2, 0), (250, 4, 3)])
def test_processes_are_started_where_there_is_enough_to_do(
    monkeypatch: pytest.MonkeyPatch, items: int, cores: int, workers: int
) -> None:
    """Each process has ten classes or more, one core is left to others, and there is never only one process."""
    started = []
    monkeypatch.setattr(known_mistakes, "cores", lambda: cores)
    monkeypatch.setattr(known_mistakes, "in_processes", lambda chosen, workers: started.append(workers) or ["there"])
    monkeypatch.setattr(known_mistakes, "judge", lambda number: "here")
    found: Any = known_mistakes._judge_all(range(items))
    assert started == [workers] * bool(workers)
    assert set(found) == {"there" if workers else "here"}


@pytest.mark.parametrize("cls", known_mistakes._KEYS)
def test_the_courses_test_sees_each_wrong_result(cls: str) -> None:
    """A test like the course's passes a right class, and fails one of whose results a single entry is off by 1e-4."""
    assert usual_tests.passes_course(cls, CLASSES)
    for method in {"forward", "delta", "grad", "gradient", "evaluate", "propagate"} & set(dir(CLASSES[cls])):
        assert usual_tests.fails(usual_tests.passes_course, cls, {**CLASSES, cls: spoiled(CLASSES[cls], method)})


def spoiled(right: type, method: str) -> type:
    """The class with one entry of what the method returns off by 1e-4."""

    def wrong(self: Any, *given: Any, **named: Any) -> Any:
        result = getattr(right, method)(self, *given, **named)
        first: Any = result
        while not isinstance(first, np.ndarray):
            first = next(iter(first.values())) if isinstance(first, dict) else first[0]
        first.flat[0] += 1e-4
        return result

    return type(right.__name__, (right,), {method: wrong})


def test_subjects_are_the_right_functions() -> None:
    """The forward passes of the right classes are the definitions, at the arguments that are checked."""
    for cls, definition in (("ReLULayer", definitions.relu), ("SoftmaxLayer", definitions.softmax)):
        (subject,) = usual_tests.subjects(cls, CLASSES)
        truth = ball.value(definition, subject.args).value
        np.testing.assert_allclose(subject.forward(*subject.args), truth, rtol=1e-14)
    (linear,) = usual_tests.subjects("LinearLayer", CLASSES)
    np.testing.assert_allclose(
        linear.forward(*linear.args), ball.value(definitions.linear, linear.args).value, rtol=1e-13
    )
