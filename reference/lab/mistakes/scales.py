"""Answers that are right but for a factor: a constant, or one made of the sizes of the case."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from reference.lab.mistakes.departures import Array, Departure, Given, Parts, after

#: How far two estimates of one factor may differ, as a fraction. Each comes from answers that were rounded.
AGREEMENT = 1e-9
#: The same where something small comes on top, and in how many of the cases.
_LOOSELY, _MOST = 1e-2, 0.8
_SYMBOLS = ("N", "D", "K")
#: Constants that have a name.
_NAMED = {
    1 / math.log(10): "1 / ln 10",
    1 / math.log(2): "1 / ln 2",
    math.log(10): "ln 10",
    math.log(2): "ln 2",
    math.pi: "pi",
    math.e: "e",
    math.sqrt(2): "sqrt 2",
    1 / math.sqrt(2): "1 / sqrt 2",
}
#: From which number on a divisor is a batch size.
_FIXED = 8
#: A constant of the form p / q is told as one up to these numbers.
_LARGEST_DIVISOR = 12


@dataclass(frozen=True)
class Scale:
    """A factor: a constant times powers of N, D and K.

    Attributes
    ----------
    constant
        The part that does not depend on the sizes.
    powers
        Of N, D and K.
    less_one
        Whether N - 1 stands for N, as in the variance of a sample.
    """

    constant: float
    powers: tuple[float, float, float] = (0, 0, 0)
    less_one: bool = False

    def of(self, sizes: Mapping[str, int]) -> float:
        """The factor for a case of these sizes."""
        found = self.constant
        for symbol, power in zip(_SYMBOLS, self.powers, strict=True):
            size = sizes[symbol]
            if symbol == "N" and self.less_one:
                size = max(size - 1, 1)
            found *= float(size) ** power
        return found

    def __str__(self) -> str:
        above: list[str] = []
        below: list[str] = []
        for symbol, power in zip(_SYMBOLS, self.powers, strict=True):
            name = "(N - 1)" if symbol == "N" and self.less_one else symbol
            if power:
                size = abs(power)
                told = {1: name, 0.5: f"sqrt {name}"}.get(size, f"{name}^{size:g}")
                (above if power > 0 else below).append(told)
        constant = constant_in_words(self.constant)
        if constant != "1" or not above:
            above.insert(0, constant)
        top = " ".join(above).replace("-1 ", "-")
        if not below:
            return top
        bottom = below[0] if len(below) == 1 else f"({' '.join(below)})"
        return f"{top} / {bottom}" if "/" not in top else f"({top}) / {bottom}"

    @property
    def is_one(self) -> bool:
        """Whether nothing is changed."""
        return self == Scale(1.0)


def constant_in_words(value: float) -> str:
    """A constant as a person writes it."""
    for number, name in _NAMED.items():
        if math.isclose(abs(value), number, rel_tol=AGREEMENT):
            return name if value > 0 else f"-{name}"
    for divisor in range(1, _LARGEST_DIVISOR + 1):
        if value and math.isclose(value * divisor, round(value * divisor), rel_tol=AGREEMENT):
            return f"{round(value * divisor)}" if divisor == 1 else f"{round(value * divisor)} / {divisor}"
    return f"{value:.10g}"


#: The powers of N, D and K, and whether N - 1 stands for N.
Form = tuple[tuple[float, float, float], bool]


def _forms() -> Iterator[Form]:
    """Powers and whether N - 1 stands for N: the simple ones first."""
    powers = (0, -1, 1, -2, 2, -0.5, 0.5)
    every = [(n, d, k) for n, d, k in product(powers, repeat=3)]
    for each in sorted(every, key=lambda each: sum(abs(p) for p in each) + 0.1 * sum(p > 0 for p in each)):
        if sum(p != 0 for p in each) <= 2:  # noqa: PLR2004 - a product of three sizes is nobody's factor
            yield each, False
            if each[0]:
                yield each, True


_FORMS = tuple(_forms())


def _forms_of(powers: tuple[float, float, float] | None) -> tuple[Form, ...]:
    """The form that has these powers; all of them, if these are not known."""
    return _FORMS if powers is None else ((powers, False),)


def fitting(
    ratios: Sequence[float],
    sizes: Sequence[Mapping[str, int]],
    *,
    within: float = AGREEMENT,
    loosely: bool = False,
    powers: tuple[float, float, float] | None = None,
) -> Scale | None:
    """The simplest factor that all these ratios fit to the fraction ``within``; None if none does.

    ``powers``: those of N, D and K, if they are known.

    ``loosely``: to a hundredth, in nine of ten cases, where the factor is made of the sizes alone.
    """
    known = [(ratio, size) for ratio, size in zip(ratios, sizes, strict=True) if ratio and math.isfinite(ratio)]
    if not known:
        return None
    bases = np.stack([_bases(powers, *(size[symbol] for symbol in _SYMBOLS)) for _, size in known], axis=1)
    constants = np.array([ratio for ratio, _ in known]) / bases
    middles = np.median(constants, axis=1)
    if loosely:
        whole = np.round(middles)
        off = np.quantile(np.abs(constants - whole[:, None]), _MOST, axis=1)
        fits, middles = (np.abs(whole) == 1) & (off <= _LOOSELY), whole
    else:
        fits = np.abs(constants - middles[:, None]).max(axis=1) <= within * np.abs(middles)
    if not fits.any():
        return None
    chosen = int(np.argmax(fits))
    return Scale(_neat(float(middles[chosen]), within), *_forms_of(powers)[chosen])


@lru_cache(maxsize=4096)
def _bases(powers: tuple[float, float, float] | None, *sizes: int) -> Array:
    """The products of powers of N, D and K, one for each form. Many cases have the same sizes."""
    numbers = np.array(sizes, dtype=np.float64)
    less_one = np.maximum(numbers - [1, 0, 0], 1)
    forms = _forms_of(powers)
    chosen = np.where(np.array([less for _, less in forms])[:, None], less_one, numbers)
    return np.asarray(np.prod(chosen ** np.array([each for each, _ in forms]), axis=1))


def _neat(value: float, within: float) -> float:
    """The number that was meant by one that was rounded."""
    for number in _NAMED:
        if math.isclose(abs(value), number, rel_tol=within):
            return math.copysign(number, value)
    for divisor in range(1, _LARGEST_DIVISOR + 1):
        whole = round(value * divisor)
        if whole and math.isclose(value * divisor, whole, rel_tol=within):
            return whole / divisor
    short = float(f"{value:.6g}")
    return short if math.isclose(short, value, rel_tol=within) else value


def short(number: float) -> float | None:
    """The short number that another one is, but for rounding; None if it is none."""
    if not math.isfinite(number) or number == 0:
        return None
    found = float(f"{number:.6g}")
    return found if abs(found - number) <= AGREEMENT * abs(number) else None


_HINTS = {
    "averaged-over-batch": "Each sample has an answer of its own: by how many is it divided?",
    "divided-by-classes": "Is the sum over the classes due here, or a mean?",
    "not-averaged": "The loss is a mean over the batch: what follows when the batch is twice as large?",
    "averaged-twice": "How often is the sum over the batch divided by the number of samples?",
    "sign": "Follow the minus signs through the derivation.",
    "scaled": "Which factor does the formula have that the code has not, or the other way round?",
}


def words_of(scale: Scale, *, per_sample: bool, classes: bool) -> tuple[str, ...]:
    """The words for a factor.

    Parameters
    ----------
    scale
        The factor.
    per_sample
        Whether the answer has a row for each sample, so that no mean over the batch is due.
    classes
        Whether K is the number of classes.
    """
    n, d, k = scale.powers
    words = []
    rest = abs(scale.constant) != 1 or d != 0 or scale.less_one
    if scale.less_one:
        pass
    elif per_sample and n == -1:
        words.append("averaged-over-batch")
    elif not per_sample and n == 1 and (abs(scale.constant) <= 1 / _FIXED or -1 in {d, k}):
        # Divided by the size of another batch, or by another size than that of the batch: that is one mistake.
        rest = True
    elif not per_sample and n in {-1, 1}:
        words.append("averaged-twice" if n < 0 else "not-averaged")
    elif n:
        rest = True
    if classes and k == -1:
        words.append("divided-by-classes")
    elif k:
        rest = True
    if rest:
        words.append("scaled")
    if scale.constant < 0:
        words.append("sign")
    return tuple(words)


def departure(scales: Sequence[Scale], *, per_sample: bool, classes: bool, names: Sequence[str] = ()) -> Departure:
    """The departure that multiplies each part of an answer by its factor."""
    words = [word for each in scales for word in words_of(each, per_sample=per_sample, classes=classes)]
    first, *further = dict.fromkeys(words)
    told = {str(each) for each in scales}
    if len(told) == 1:
        estimated = {"factor": told.pop()}
    else:
        estimated = {
            f"factor of {name}": str(each) for name, each in zip(names, scales, strict=True) if not each.is_one
        }

    def change(parts: Parts, given: Given) -> Parts:
        sizes = sizes_of(given)
        return tuple(part * each.of(sizes) for part, each in zip(parts, scales, strict=True))

    found = after(first, _HINTS[first], change)
    return Departure(first, found.hint, found.change, estimated, tuple(further), outside=True)


def sizes_of(given: Given) -> dict[str, int]:
    """N, D and K of what is given: samples, inputs, and units or classes."""
    batch = next(array for name, array in given.items() if name not in {"W", "b"})
    n, k = batch.shape
    if "W" in given:
        d, k = given["W"].shape
        return {"N": n, "D": d, "K": k}
    return {"N": n, "D": k, "K": k}
