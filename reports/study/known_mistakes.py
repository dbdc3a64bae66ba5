"""Counts which known mistakes the usual tests catch, and which our examiner catches and names, in one run.

Two hands wrote the mistakes: those of the catalogue are by the authors of the examiner, the others by somebody who had
not read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import bp
import reference
from reference.lab.mistakes import CATALOGUE, Mistake
from reference.lab.mistakes.plain import CLASSES
from reference.lab.second_hand import CODINGS, Coding
from reports.io.cores import cores
from reports.io.workers import run_in_workers
from reports.study.bench.second_hand import judged
from reports.study.usual_tests import Classes, checkers, fails

#: The name of this part of the report.
NAME = "known-mistakes"
#: The first part of the ids of the checks of each Python class.
_KEYS = {
    "LinearLayer": "linear",
    "ReLULayer": "relu",
    "SoftmaxLayer": "softmax",
    "LossCrossEntropy": "cross_entropy",
    "LossCrossEntropyForSoftmaxLogits": "logits",
    "MLP": "mlp",
}
#: Right classes, by name, each with its implementation: those of `bp`, and those that the mistakes are made from.
_RIGHT: list[tuple[Classes, str]] = [
    (classes, cls) for classes in ({cls: getattr(bp, cls) for cls in _KEYS}, CLASSES) for cls in _KEYS
]
#: Mistakes that are judged in the time that a new process takes to import numpy and PyTorch.
_WORTH_A_PROCESS = 10
#: Whose mistakes they are, as results.json calls them, and the number of them.
HANDS = {"catalogue": len(CATALOGUE), "second hand": len(CODINGS)}


def measure(every: int = 1) -> dict[str, Any]:
    """Measure, for results.json, which checkers catch each ``every``-th known mistake of each hand.

    Returns
    -------
    dict
        ``checkers``: their names. ``hands``: for each hand the counts ``by_class`` and of ``all``: the number of
        ``mistakes``; how many each checker catches; how many our examiner gives a right name (``named``), calls
        something else as well or instead (``misnamed``), and blames on a right method too (``blames``). ``right``: the
        number of right ``classes``, and how many of them each checker fails, wrongly. ``each``: every mistake with the
        names that are ``accepted`` and those that are ``said``. ``every``: the argument.

    Raises
    ------
    RuntimeError
        A worker process has died.
    """
    right = range(-len(_RIGHT), 0)
    found = _judge_all([*right, *numbers(every)])
    alarms, judgements = found[: len(right)], found[len(right) :]
    hands = {hand: [each for each in judgements if each["hand"] == hand] for hand in HANDS}
    return {
        "checkers": ["ours", *checkers()],
        "hands": {
            hand: {"by_class": {cls: _counts(_of_class(own, cls)) for cls in _KEYS}, "all": _counts(own)}
            for hand, own in hands.items()
        },
        "right": {"classes": len(alarms)} | _caught(alarms),
        "each": judgements,
        "every": every,
    }


def numbers(every: int) -> list[int]:
    """The numbers of each ``every``-th mistake of the catalogue, and of each ``every``-th of the second hand."""
    first = HANDS["catalogue"]
    return [*range(0, first, every), *range(first, first + HANDS["second hand"], every)]


def judge(number: int) -> dict[str, Any]:
    """What all checkers say of one class.

    From 0 on these are the mistakes, first the catalogue's and then those of the second hand. A negative number counts
    from the end of the right classes, of which only ``caught`` is returned.
    """
    if number < 0:
        classes, cls = _RIGHT[number]
        findings = reference.check(classes, only=f"{_KEYS[cls]}.*", effort="quick", seed=0)
        return {"caught": _caught_by(cls, classes, any(each.status == "failed" for each in findings))}
    first = HANDS["catalogue"]
    own = number < first
    coding = _coding(CATALOGUE[number]) if own else CODINGS[number - first]
    cls = _class_of(coding.subject)
    ours = judged(coding, only=f"{_KEYS[cls]}.*")
    return {
        "hand": "catalogue" if own else "second hand",
        "name": coding.name,
        "subject": coding.subject,
        "accepted": list(coding.words),
        "said": list(ours.named),
        "named": ours.caught and ours.rightly,
        "misnamed": bool(ours.untrue),
        "blames": bool(ours.blamed),
        "caught": _caught_by(cls, coding.classes, ours.caught),
    }


def _caught_by(cls: str, classes: Classes, ours: bool) -> dict[str, bool]:
    """For each checker whether it fails the class; our examiner's answer is given."""
    return {"ours": ours} | {name: fails(passes, cls, classes) for name, passes in checkers().items()}


def in_processes(chosen: Sequence[int], workers: int) -> list[dict[str, Any]]:
    """What `judge` returns for each number, in their order, by that many processes."""
    found = {}
    for outcome in run_in_workers(judge, chosen, workers):
        if outcome.value is None:
            raise RuntimeError(f"known mistakes: number {outcome.item} was not judged: {outcome.problem}")
        found[outcome.item] = outcome.value
    return [found[number] for number in chosen]


def _judge_all(chosen: Sequence[int]) -> list[dict[str, Any]]:
    """What `judge` returns for each number, by several processes if there are enough mistakes for two.

    One core is left to the networks that are trained at the same time.
    """
    workers = min(cores() - 1, len(chosen) // _WORTH_A_PROCESS)
    return in_processes(chosen, workers) if workers > 1 else [judge(number) for number in chosen]


def _coding(mistake: Mistake) -> Coding:
    """A mistake of the catalogue in the form of the second hand's, so that both are judged in one way."""
    both = len(mistake.words) > 1
    return Coding(mistake.name, mistake.subject, mistake.words, mistake.hint, mistake.classes, both)


def _counts(judgements: Sequence[dict[str, Any]]) -> dict[str, int]:
    said = {name: sum(each[name] for each in judgements) for name in ("named", "misnamed", "blames")}
    return {"mistakes": len(judgements)} | said | _caught(judgements)


def _caught(judgements: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(each["caught"][name] for each in judgements) for name in ("ours", *checkers())}


def _of_class(judgements: Iterable[dict[str, Any]], cls: str) -> list[dict[str, Any]]:
    return [each for each in judgements if _class_of(each["subject"]) == cls]


def _class_of(subject: str) -> str:
    return subject.partition(".")[0]
