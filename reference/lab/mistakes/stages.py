"""Each method's formula in stages, and what students do to one of them: round, clip, forget, square, sum otherwise.

A formula is written once, and says at each stage what it has computed so far. A fault is put on any stage of any
formula, alone or with a second one; faults with a constant are families, whose constant is estimated from answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from reference.lab.mistakes.departures import Array, Departure, Family, Formula, Given, Parts, shortened, word_for_sum
from reference.lab.mistakes.samples import with_empty_row
from reference.lab.mistakes.shifts import Change, shifts

_LOSS = "LossCrossEntropyForSoftmaxLogits"
#: From what one stage gives to what the next one gets.


class Stages:
    """Passes on what each stage gives, but for the stages that are changed, and remembers it."""

    def __init__(self, changes: Mapping[str, Change]) -> None:
        self._changes = changes
        self.seen: dict[str, Array] = {}

    def __call__(self, stage: str, value: Any) -> Array:
        """What the stage passes on."""
        array = np.asarray(value, dtype=np.float64)
        self.seen[stage] = array
        change = self._changes.get(stage)
        return array if change is None else np.asarray(change(array))

    def reduced(self, stage: str, array: Array, reduce: Callable[..., Array] = np.sum) -> Array:
        """One number for each row, or what the change of the stage makes of the array."""
        change = self._changes.get(stage)
        return np.asarray(reduce(array, axis=1, keepdims=True)) if change is None else change(array)


#: A formula in stages.
Staged = Callable[[Stages, Given], Parts]


def _softmax(at: Stages, X: Array) -> Array:
    shifted = at("shifted logits", X - at.reduced("shift", X, np.max))
    exponentials = at("exponentials", np.exp(shifted))
    return at("probabilities", exponentials / at("sum", at.reduced("sum over classes", exponentials)))


def _softmax_forward(at: Stages, given: Given) -> Parts:
    return (_softmax(at, given["X"]),)


def _softmax_delta(at: Stages, given: Given) -> Parts:
    Y, delta = given["Y"], given["delta_next"]
    products = at("products", at("Y in the sum", Y) * at("delta_next in the sum", delta))
    inner = at("difference", delta - at("sum", at.reduced("sum over classes", products)))
    return (at("answer", at("Y outside", Y) * inner),)


def _losses(at: Stages, P: Array, T: Array) -> Array:
    surprise = at("logarithms", -np.log(np.where(T != 0, P, 1)))
    return at("losses", at.reduced("sum of the losses", at("terms", np.where(T != 0, T * surprise, 0))))


def _logits_forward(at: Stages, given: Given) -> Parts:
    X, T = given["X"], given["T"]
    shifted = at("shifted logits", X - at.reduced("shift", X, np.max))
    exponentials = at("exponentials", np.exp(shifted))
    logarithm = at("logarithm", np.log(at("sum", at.reduced("sum over classes", exponentials))))
    target = at("logit of the target", (T * shifted).sum(axis=1, keepdims=True))
    return (at("losses", at("difference", logarithm - target)),)


def _logits_by_probabilities(at: Stages, given: Given) -> Parts:
    return (_losses(at, _softmax(at, given["X"]), given["T"]),)


def _logits_delta(at: Stages, given: Given) -> Parts:
    return (at("answer", _softmax(at, given["X"]) - at("targets", given["T"])),)


def _loss_forward(at: Stages, given: Given) -> Parts:
    return (_losses(at, at("probabilities", given["X"]), given["T"]),)


def _loss_delta(at: Stages, given: Given) -> Parts:
    T = given["T"]
    quotients = at("quotients", 1 / at("denominator", np.where(T != 0, given["X"], 1)))
    return (at("answer", -np.where(T != 0, at("targets", T) * quotients, 0)),)


def _linear_forward(at: Stages, given: Given) -> Parts:
    return (at("answer", at("product", given["X"] @ at("weights", given["W"])) + at("biases", given["b"])),)


def _linear_delta(at: Stages, given: Given) -> Parts:
    return (at("answer", given["delta_next"] @ at("weights", given["W"].T)),)


def _linear_grad(at: Stages, given: Given) -> Parts:
    X, delta = given["X"], given["delta_next"]
    dW = at("dW", X.T @ at("delta_next in dW", delta) / len(X))
    return dW, at("db", at("sum in db", delta.sum(axis=0)) / len(X))


def _relu_forward(at: Stages, given: Given) -> Parts:
    X = given["X"]
    return (at("answer", X * at("mask", X > 0)),)


def _relu_delta(at: Stages, given: Given) -> Parts:
    return (at("answer", given["delta_next"] * at("mask", given["Y"] > 0)),)


#: By subject: each way in which the formula is computed.
STAGED: Mapping[str, tuple[Staged, ...]] = {
    "SoftmaxLayer.forward": (_softmax_forward,),
    "SoftmaxLayer.delta": (_softmax_delta,),
    f"{_LOSS}.forward": (_logits_forward, _logits_by_probabilities),
    f"{_LOSS}.delta": (_logits_delta,),
    "LossCrossEntropy.forward": (_loss_forward,),
    "LossCrossEntropy.delta": (_loss_delta,),
    "LinearLayer.forward": (_linear_forward,),
    "LinearLayer.delta": (_linear_delta,),
    "LinearLayer.grad": (_linear_grad,),
    "ReLULayer.forward": (_relu_forward,),
    "ReLULayer.delta": (_relu_delta,),
}
#: Stages that hold one row for each sample, or a number for each, and are no parameters.
_OF_NO_SAMPLES = frozenset({"weights", "biases", "dW", "db", "sum in db"})


#: Stages whose vectors are made shorter where they are too long.
_SHORTENED = frozenset({"answer", "dW", "db", "product", "shifted logits", "weights"})


@dataclass(frozen=True)
class _Fault:
    """What is done to one stage of a formula: the word for it, and a hint."""

    stage: str
    change: Change
    word: str
    hint: str


_MISSING = "Which step of the formula does the code leave out?"
_POWER = "Which power does each factor have in the formula?"
_SIGN = "Follow the minus signs through the derivation."
_DIGITS = "Some digits are right and the rest is not: where does float32 or float16 come in?"
_AXIS = "Along which axis does each sum run, and which number belongs to which row?"
_SAMPLES = "Each sample has an answer of its own: whose numbers are taken here?"
_LOOP = "Where does the loop over the samples begin, and where does it end?"
_LIMIT = "Which numbers does the limit change, and who asks for one?"
_SMALL = "What does the small number change where the numbers beside it are small too?"
_WHOSE = "Whose logit does the loss ask for: that of the target, or the largest?"
_FACTOR = "Which factor does the formula have that the code has not, or the other way round?"
#: The words where a stage is left out, that is 1 stands in its place or what was there before it.
_LEFT_OUT: Mapping[str, tuple[str, Change]] = {
    "sum": ("wrong-function", np.ones_like),
    "exponentials": ("softmax-missing", np.log),
    "logarithms": ("wrong-function", lambda L: np.exp(-L)),
    "logarithm": ("wrong-function", np.exp),
    "biases": ("bias-missing", np.zeros_like),
    "targets": ("factor-missing", np.ones_like),
    "weights": ("factor-missing", np.ones_like),
    "denominator": ("factor-missing", np.ones_like),
    "Y outside": ("factor-missing", np.ones_like),
    "Y in the sum": ("factor-missing", np.ones_like),
    "delta_next in the sum": ("factor-missing", np.ones_like),
}


def _in(dtype: Any, A: Array) -> Array:
    return A.astype(dtype).astype(np.float64)


def _one_row(A: Array, row: int) -> Array:
    return np.tile(A[row], (len(A), 1))


def _of_stage(stage: str, subject: str) -> Iterator[_Fault]:
    """Faults of any stage that holds numbers."""
    yield _Fault(stage, np.negative, "sign", _SIGN)
    if stage != "exponentials":  # these are the exponentials of twice the logits, and of half
        yield _Fault(stage, np.square, "wrong-function", _POWER)
        yield _Fault(stage, lambda A: np.sqrt(np.abs(A)), "wrong-function", _POWER)
    yield _Fault(stage, lambda A: 2 * A, "scaled", _FACTOR)
    for dtype in (np.float32, np.float16):
        yield _Fault(stage, partial(_in, dtype), "low-precision", _DIGITS)
    if stage in _LEFT_OUT:
        word, change = _LEFT_OUT[stage]
        if stage == "sum" and subject == f"{_LOSS}.forward":
            word = "term-missing"  # its logarithm is one
        yield _Fault(stage, change, word, _MISSING)
    if stage == "logit of the target":
        # It is 0 behind the shift where the largest logit stands in its place.
        yield _Fault(stage, np.zeros_like, "wrong-argument", _WHOSE)
    if stage == "biases":
        yield _Fault(stage, np.ones_like, "bias-missing", _MISSING)
    if stage == "product":
        # Something is added to it, so that a row that is left out is no row of zeros in the end.
        for word, row in (("last-sample-wrong", -1), ("row-wrong", 0)):
            yield _Fault(stage, partial(with_empty_row, row=row), word, _LOOP)
    if stage not in _OF_NO_SAMPLES:
        yield from _of_samples(stage)


def _of_samples(stage: str) -> Iterator[_Fault]:
    """Faults of any stage that holds something for each sample."""
    for row in (0, -1):
        yield _Fault(stage, partial(_one_row, row=row), "sample-dependence", _SAMPLES)
    for axis in (1, 0):
        yield _Fault(stage, partial(np.cumsum, axis=axis), "wrong-axis", _AXIS)


def _largest_alone(most: int, A: Array) -> Array:
    return np.asarray(np.sort(A, axis=1)[:, -most:].sum(axis=1, keepdims=True))


def _within_triangle(part: Change, A: Array) -> Array:
    """For each entry, the sum of its row as far as a triangle of the Jacobian reaches."""
    return np.asarray(A @ part(np.ones((A.shape[1], A.shape[1]))).T)


def _of_sum(stage: str, subject: str) -> Iterator[_Fault]:
    """Faults of a stage that should sum over the rows."""
    yield _Fault(stage, lambda A: A.sum(axis=0, keepdims=True), "wrong-axis", _AXIS)
    of_all = "summed-over-batch" if stage == "sum of the losses" else "sample-dependence"
    yield _Fault(stage, lambda A: A.sum(keepdims=True), of_all, _SAMPLES)
    yield _Fault(stage, lambda A: np.abs(A).sum(axis=1, keepdims=True), "sign", _SIGN)
    yield _Fault(stage, lambda A: np.sqrt((A**2).sum(axis=1, keepdims=True)), "wrong-function", _POWER)
    yield _Fault(stage, lambda A: (A**2).sum(axis=1, keepdims=True), "wrong-function", _POWER)
    # The largest alone is 1 where the shift is the largest logit: there it is no sum at all.
    for most in (2, 3) if stage == "sum over classes" and subject != "SoftmaxLayer.delta" else (1, 2, 3):
        yield _Fault(stage, partial(_largest_alone, most), "term-missing", _MISSING)
    # For a Jacobian, what is left out here is the factor (1 - y) of its diagonal.
    others = "factor-missing" if subject == "SoftmaxLayer.delta" else "term-missing"
    yield _Fault(stage, lambda A: A.sum(axis=1, keepdims=True) - A, others, _MISSING)
    yield _Fault(stage, lambda A: A.mean(axis=1, keepdims=True), "divided-by-classes", _FACTOR)
    yield _Fault(stage, lambda A: A[:, :-1].sum(axis=1, keepdims=True), "term-missing", _MISSING)
    yield _Fault(stage, lambda A: A[:, 1:].sum(axis=1, keepdims=True), "term-missing", _MISSING)
    # Without its sum over the classes, the product with the Jacobian is one with its diagonal.
    if subject == "SoftmaxLayer.delta":
        # What stands on the diagonal of the Jacobian has another sign than what stands beside it.
        yield _Fault(stage, lambda A: 2 * A - A.sum(axis=1, keepdims=True), "sign", _SIGN)
        yield _Fault(stage, lambda A: A.sum(axis=1, keepdims=True) - 2 * A, "sign", _SIGN)
        # Loops that end at the diagonal, before it, or begin there.
        for part in (np.tril, np.triu, partial(np.tril, k=-1), partial(np.triu, k=1)):
            yield _Fault(stage, partial(_within_triangle, part), "term-missing", _MISSING)
    word = "jacobian-diagonal-only" if subject == "SoftmaxLayer.delta" else "term-missing"
    yield _Fault(stage, lambda A: A, word, _MISSING)


def _faults(subject: str, staged: Staged) -> list[_Fault]:
    found: list[_Fault] = []
    stages = _stages(subject, staged)
    for stage in stages:
        found += _of_stage(stage, subject)
    if "sum" in stages:
        found += _of_sum("sum over classes", subject)
    if "losses" in stages and "terms" in stages:
        found += _of_sum("sum of the losses", subject)
    if "shifted logits" in stages:
        found += [_Fault("shift", change, word, hint) for change, word, hint in shifts()]
    return found


def _stages(subject: str, staged: Staged) -> list[str]:
    """The names of a formula's stages, learnt from running it."""
    at = Stages({})
    square = np.array([[0.25, 0.75], [0.5, 0.5]])
    one_hot = np.eye(2)
    given = {"X": square, "Y": square, "delta_next": square, "T": one_hot, "W": square, "b": square[0]}
    staged(at, given)
    return list(at.seen)


@dataclass(frozen=True)
class Faulty:
    """A formula with a fault in one of its stages, or in two.

    Attributes
    ----------
    staged
        The formula.
    faults
        In different stages.
    """

    staged: Staged
    faults: tuple[_Fault, ...]

    def departure(self) -> Departure:
        """The departure from the right formula."""
        return _departure(self.staged, self.faults)


def single(subject: str) -> list[Faulty]:
    """Every fault without a constant of one stage."""
    return [Faulty(staged, (fault,)) for staged in STAGED.get(subject, ()) for fault in _faults(subject, staged)]


def pairs(singles: Sequence[Faulty]) -> Iterator[Departure]:
    """Every two of these faults that are in different stages of one formula."""
    for one, other in combinations(singles, 2):
        faults = (*one.faults, *other.faults)
        if one.staged is other.staged and len({each.stage for each in faults}) == len(faults):
            yield _departure(one.staged, faults)


def _departure(staged: Staged, faults: tuple[_Fault, ...], **estimated: str) -> Departure:
    changes = {each.stage: each.change for each in faults}
    first, *further = dict.fromkeys(each.word for each in faults)
    hint = next(each.hint for each in faults if each.word == first)
    return Departure(first, hint, lambda _: _formula(staged, changes), estimated, tuple(further), specific=True)


def as_formula(staged: Staged) -> Formula:
    """The formula without a fault."""
    return _formula(staged, {})


def _formula(staged: Staged, changes: Mapping[str, Change]) -> Formula:
    return lambda given: staged(Stages(changes), given)


def families(subject: str) -> Iterator[Family]:
    """Every fault with a constant of one stage."""
    for staged in STAGED.get(subject, ()):
        for stage in _stages(subject, staged):
            yield from _of_constant(staged, stage)


def _of_constant(staged: Staged, stage: str) -> Iterator[Family]:
    def family(
        name: str, word: str, hint: str, change: Callable[[Array, float], Array], low: float, high: float, **more: Any
    ) -> Family:
        def make(c: float) -> Departure:
            said = word_for_sum(c) if word == "epsilon-added" else (word, hint)
            fault = _Fault(stage, lambda A: change(A, c), *said)
            return _departure(staged, (fault,), **{f"{name} of the {stage}": repr(c)})

        return Family(name, make, low, high, telling=1, **more)

    def values(given: Given) -> Array:
        at = Stages({})
        staged(at, given)
        return at.seen[stage].ravel()

    def both(given: Given) -> Array:
        return np.abs(values(given))

    def halves(given: Given) -> Array:
        return np.concatenate([values(given), 1 - values(given)])

    yield family("lower limit", "clipped", _LIMIT, np.maximum, 1e-320, 1e308, signed=True, points=values)
    yield family("upper limit", "clipped", _LIMIT, np.minimum, 1e-320, 1e308, signed=True, points=values)
    yield family("limit", "clipped", _LIMIT, lambda A, c: np.clip(A, -c, c), 1e-320, 1e308, points=both)
    yield family("limit", "clipped", _LIMIT, lambda A, c: np.clip(A, c, 1 - c), 1e-17, 0.5, points=halves)
    yield family("epsilon", "epsilon-added", _SMALL, lambda A, c: A + c, 1e-320, 10.0)
    yield family("epsilon", "epsilon-added", _SMALL, np.hypot, 1e-162, 10.0)
    yield family("factor", "scaled", _FACTOR, lambda A, c: A * c, 1e-4, 1e4)
    yield family("power", "wrong-function", _POWER, lambda A, c: np.abs(A) ** c * np.sign(A), 1e-2, 10.0)
    if stage in _SHORTENED:
        yield family("longest", "clipped", _LIMIT, partial(shortened, axis=-1), 1e-9, 1e9)
        yield family("longest", "clipped", _LIMIT, partial(shortened, axis=None), 1e-9, 1e9)
