"""Mistakes that show in the whole gradient, whatever the formula, beside the truth and the other gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis.changes import derivative
from reference.gradients.diagnosis.graph import Edge, evaluate, pulled_back, unbroadcast
from reference.gradients.diagnosis.named import Named
from reference.gradients.diagnosis.samples import Sample, Samples
from reference.numerics import likeness
from reference.numerics.sampling import seeded
from reference.numerics.shapes import broadcasts

Array = NDArray[Any]
#: Entries of a Jacobian that is small enough to be computed.
_MOST_JACOBIAN = 4096


def explanations(samples: Samples) -> Iterator[Named]:
    """All hypotheses of this module that reproduce the answers, the simplest first."""
    tests = _OF_ONE_SHAPE if samples.are_of_one_shape else _OF_OTHER_SHAPE
    for test in tests:
        found = test(samples)
        if found is not None:
            yield found


def _cotangent_ignored(samples: Samples) -> Named | None:
    """The same answer for different cotangents."""
    pairs = [
        (one, two)
        for one in samples
        for two in samples
        if one is not two and one.args is two.args and not np.array_equal(one.cotangent, two.cotangent)
    ]
    position = samples.position
    if not pairs or not all(np.array_equal(one.answers[position], two.answers[position]) for one, two in pairs):
        return None
    return Named("delta-next-ignored") if any(each.any() for each in samples.answers) else None


def _zero(samples: Samples) -> Named | None:
    """Nothing, or what rounding leaves of terms that take each other off."""
    pairs = zip(samples.answers, samples.truths, strict=True)
    largest = [(np.abs(one).max(initial=0.0), np.abs(two).max(initial=0.0)) for one, two in pairs]
    return None if any(one > likeness.NO_EFFECT * two for one, two in largest) else Named("term-missing")


def _factor(samples: Samples) -> Named | None:
    """One factor for all entries of all answers."""
    ratio = factor_between(samples.truths, samples.answers)
    if (
        ratio is None
        or abs(ratio) <= likeness.NO_EFFECT
        or not samples.agree([ratio * each for each in samples.truths])
    ):
        return None
    if abs(ratio + 1) < likeness.SAME_CONSTANT:
        return Named("sign")
    return Named("scaled", (("the factor", f"{ratio:.10g}"),)) if abs(ratio - 1) > likeness.SAME_CONSTANT else None


def factor_between(right: list[Array], came: list[Array]) -> float | None:
    """The factor that takes all of one to the other in the sense of least squares."""
    one, two = (np.concatenate([np.ravel(each) for each in arrays]) for arrays in (right, came))
    square = float(one @ one)
    return float(one @ two) / square if square > 0 else None


def _transposed(samples: Samples) -> Named | None:
    if any(each.ndim < 2 for each in samples.truths):  # noqa: PLR2004 - a matrix has two axes
        return None
    turned = [np.swapaxes(each, -1, -2) for each in samples.truths]
    return (
        Named("transposed")
        if samples.agree([_as(each, due) for each, due in zip(turned, samples.answers, strict=True)])
        else None
    )


def of_turned_cotangent(samples: Samples) -> Named | None:
    """The gradient for the transposed cotangent, or the cotangent times the Jacobian matrix that is not transposed."""
    if not samples.is_traced:
        return None
    shape = samples.all[0].cotangent.shape
    if len(shape) > 1 and shape[-1] == shape[-2]:
        found = [_pulled(each, np.swapaxes(each.cotangent, -1, -2))[samples.position] for each in samples]
        if samples.agree(found):
            return Named("transposed")
    array = samples.all[0].floats[samples.position]
    if shape != array.shape or array.size**2 > _MOST_JACOBIAN:
        return None
    products = [_jacobian(each, samples.position) @ each.cotangent.ravel() for each in samples]
    return Named("transposed") if samples.agree([each.reshape(shape) for each in products]) else None


def _pulled(sample: Sample, cotangent: Array) -> tuple[Array, ...]:
    return pulled_back(sample.graph, sample.values, cotangent)


def _jacobian(sample: Sample, position: int) -> Array:
    """A row for each output, a column for each entry of the argument."""
    units = np.eye(sample.cotangent.size)
    return np.array([_pulled(sample, unit.reshape(sample.cotangent.shape))[position].ravel() for unit in units])


def _as(array: Array, like: Array) -> Array:
    """The entries in another shape, if there are as many."""
    return array.reshape(like.shape) if array.size == like.size else array


def _swapped(samples: Samples) -> Named | None:
    """The gradient of another argument, whose place has that of this one."""
    here = samples.position
    for there in range(len(samples.all[0].truths)):
        if there == here:
            continue
        if all(
            each.agrees(each.truths[there], here) and each.agrees(each.truths[here], there) for each in samples
        ) and not all(each.agrees(each.truths[here], here) for each in samples):
            return Named("swapped")
    return None


def _diagonal_only(samples: Samples) -> Named | None:
    """The cotangent times the diagonal of the Jacobian matrix."""
    found = []
    for each in samples:
        array = each.floats[samples.position]
        if not samples.is_traced or each.cotangent.shape != array.shape or array.size**2 > _MOST_JACOBIAN:
            return None
        found.append(each.cotangent * np.diag(_jacobian(each, samples.position)).reshape(array.shape))
    return Named("jacobian-diagonal-only") if samples.agree(found) else None


def in_one_place(samples: Samples) -> Named | None:
    """The same entry, or the same row, is wrong in all samples, and the others never."""
    wrong = [_wrong(each, samples.position) for each in samples]
    if any(each.shape != wrong[0].shape for each in wrong) or wrong[0].size < 2:  # noqa: PLR2004 - one alone may agree by chance
        return None
    ever, shape = np.logical_or.reduce(wrong), wrong[0].shape
    always = sum(bool(each.any()) for each in wrong) >= len(wrong) - 1
    if not always or not ever.any() or ever.all():
        return None
    places = np.argwhere(ever)
    if len(places) == 1:
        return Named("entry-wrong", (("the entry", str([int(i) for i in places[0]])),))
    rows = {int(place[0]) for place in places}
    if len(shape) < 2 or shape[0] < 2 or len(rows) > 1:  # noqa: PLR2004 - no other rows
        return None
    row = rows.pop()
    if row == shape[0] - 1:
        return Named("last-sample-wrong")
    return Named("row-wrong", (("the row", str(row)),))


def _wrong(sample: Sample, position: int) -> Any:
    answer, truth = sample.answers[position], sample.truths[position]
    size = float(np.abs(truth).max(initial=0.0))
    allowed: Array = sample.slack[position] + likeness.JACOBIAN_NUMBER * np.abs(truth) + likeness.JACOBIAN_BESIDE * size
    return np.greater(np.abs(answer - truth), allowed)


def _low_precision(samples: Samples) -> Named | None:
    """Every answer is a number of lower precision, near the right one."""
    for dtype, near in (
        (np.float32, likeness.SINGLE_ANSWERS),
        (np.float16, likeness.HALF_ANSWERS),
    ):
        rounded = [each.astype(dtype).astype(np.float64) for each in samples.answers]
        pairs = zip(rounded, samples.answers, strict=True)
        if all(np.array_equal(*pair) for pair in pairs) and _near(samples, near):
            return Named("low-precision")
    return None


def imprecise(samples: Samples) -> Named | None:
    """Nearly right, and the same at arguments so near that they are equal in lower precision."""
    if any(each.dtype == np.float32 for each in samples.all[0].args) or not _near(samples, likeness.SINGLE_ANSWERS):
        return None
    same = total = 0
    for each in samples:
        moved = [array * (1 + likeness.TINY_MOVE) if array.dtype.kind == "f" else array for array in each.args]
        answer, there = each.answers[samples.position], samples.ask(moved, each.cotangent)[samples.position]
        wrong = _wrong(each, samples.position)
        same += int(((answer == there) & wrong).sum())
        total += int(wrong.sum())
    return Named("low-precision") if total and same > 0.5 * total else None


def _near(samples: Samples, relative: float) -> bool:
    pairs = zip(samples.answers, samples.truths, strict=True)
    return all((np.abs(a - t) <= relative * np.abs(t).max(initial=0.0)).all() for a, t in pairs)


# Differences

#: How much of the squared errors may be left over: the rounding of differences is as chance has it.
_UNEXPLAINED = 0.1


def _finite_differences(samples: Samples) -> Named | None:
    """Differences of the forward pass, with a step that the errors tell."""
    if not samples.is_traced or not _near(samples, 0.2):
        return None
    for scheme, order in (("forward", 1), ("backward", 1), ("central", 2)):
        step = _step(samples, scheme, order)
        if step is None or not likeness.SMALLEST_STEP < step < 1:
            continue
        if step > likeness.LARGE_STEP:  # where higher terms show, and rounding does not
            step = _step(samples, scheme, order, near=step) or step
        if _reproduced(samples, scheme, step):
            return Named("finite-differences", (("a step of", f"{step:.2g}"),))
    return None


def _step(samples: Samples, scheme: str, order: int, near: float | None = None) -> float | None:
    """The step of differences with such errors, as it is told by those with a known one, which is near if given."""
    probe = near or likeness.PROBES[order]
    places = _places(samples)
    errors = [
        _differences(each, samples.position, scheme, probe, places) - truth.flat[places]
        for each, truth in zip(samples, samples.truths, strict=True)
    ]
    pairs = zip(samples.answers, samples.truths, strict=True)
    came = [answer.flat[places] - truth.flat[places] for answer, truth in pairs]
    ratio = factor_between(errors, came)
    return None if ratio is None or ratio <= 0 else probe * ratio ** (1 / order)


def _reproduced(samples: Samples, scheme: str, step: float) -> bool:
    """Whether differences with about this step have the errors that came, but for their rounding."""
    explained, total = 0.0, 0.0
    places = _places(samples)
    most = _UNEXPLAINED if step <= likeness.LARGE_STEP else likeness.LARGE_UNEXPLAINED
    for each, answer, truth in zip(samples, samples.answers, samples.truths, strict=True):
        near = _differences(each, samples.position, scheme, step, places)
        explained += float(np.square(answer.flat[places] - near).sum())
        total += float(np.square(answer.flat[places] - truth.flat[places]).sum())
    return explained < most * total


def _places(samples: Samples) -> Array:
    """The entries, of the flat gradient, for which differences are taken: all, or as many as there is time for.

    Differences are off in every entry, so that a part of the entries tells them as well as all.
    """
    size = samples.truths[0].size
    chosen = seeded(0).permutation(size)[: likeness.DIFFERENCE_ENTRIES]
    return np.asarray(np.sort(chosen))


def _differences(sample: Sample, position: int, scheme: str, step: float, places: Array) -> Array:
    array = sample.floats[position]
    found = np.zeros(len(places))
    ahead, back = {"forward": (step, 0.0), "backward": (0.0, step), "central": (step, step)}[scheme]
    for number, place in enumerate(places):
        ends = []
        for move in (ahead, -back):
            moved = array.copy()
            moved.flat[place] += move
            ends.append(_output(sample, [moved if n == position else each for n, each in enumerate(sample.floats)]))
        found[number] = float((sample.cotangent * (ends[0] - ends[1])).sum()) / (ahead + back)
    return found


def _output(sample: Sample, floats: Any) -> Array:
    with np.errstate(all="ignore"):
        return evaluate(sample.graph, floats)[id(sample.graph.output)].reshape(sample.cotangent.shape)


# Shapes


def _not_summed(samples: Samples) -> Named | None:
    """Summed over the axes along which the argument is broadcast, the answer is right."""
    found = []
    for answer, truth in zip(samples.answers, samples.truths, strict=True):
        if answer.size <= truth.size or not broadcasts(truth.shape, answer.shape):
            return None
        found.append(unbroadcast(answer, truth.shape))
    agrees = all(_near_all(one, truth) for one, truth in zip(found, samples.truths, strict=True))
    return Named("not-summed") if agrees else None


def _near_all(one: Array, truth: Array) -> bool:
    size = float(np.abs(truth).max(initial=0.0))
    return one.shape == truth.shape and bool(
        (np.abs(one - truth) <= likeness.GRADIENT_NUMBER * np.abs(truth) + likeness.GRADIENT_BESIDE * size).all()
    )


def _summed_too_far(samples: Samples) -> Named | None:
    """The sum of the right gradient over one of its axes, or over all."""
    for axis in (None, *range(max(each.ndim for each in samples.truths))):
        pairs = list(zip(samples.answers, samples.truths, strict=True))
        if all(
            (axis is None or axis < t.ndim)
            and a.size == t.sum(axis=axis).size
            and _near_all(a.ravel(), t.sum(axis=axis).ravel())
            for a, t in pairs
        ) and any(t.size > a.size for a, t in pairs):
            return Named("wrong-axis")
    return None


def _has_right_numbers(samples: Samples) -> bool:
    """Whether the answers are the truth in another shape."""
    pairs = zip(samples.answers, samples.truths, strict=True)
    return all(_near_all(answer.ravel(), truth.ravel()) for answer, truth in pairs)


def _unsummed(sample: Sample, position: int) -> Array | None:
    """The gradient of an argument as it is before the sum that undoes its broadcast; None if there is no such step."""
    if sample.recorded is None:
        return None
    argument = sample.graph.arguments[position]
    uses = [
        (number, place)
        for number, node in enumerate(sample.graph.nodes)
        for place, each in enumerate(node.inputs)
        if each is argument
    ]
    node = sample.graph.nodes[uses[0][0]] if len(uses) == 1 else argument
    if not node.is_elementwise or node.value.shape == argument.value.shape:
        return None
    kept: list[Array] = []

    def change(g: Array, inputs: Any, y: Array) -> Array:
        kept.append(np.asarray(g * derivative(Edge(node, uses[0][1]), inputs, y)))
        return np.zeros(())

    sample.pulled({uses[0]: change})
    return kept[0] if kept else None


def _other_axis(samples: Samples) -> Named | None:
    """The sum over another axis than that along which the argument is broadcast."""
    found = [_unsummed(each, samples.position) for each in samples]
    if any(each is None for each in found) or _has_right_numbers(samples):
        return None
    for axis in range(max(each.ndim for each in found if each is not None)):
        if all(
            wide is not None
            and axis < wide.ndim
            and wide.sum(axis=axis).size == answer.size
            and _near_all(answer.ravel(), wide.sum(axis=axis).ravel())
            for wide, answer in zip(found, samples.answers, strict=True)
        ):
            return Named("wrong-axis")
    return None


_OF_ONE_SHAPE: tuple[Callable[[Samples], Named | None], ...] = (
    _zero, _cotangent_ignored, _factor, _low_precision, _finite_differences, _swapped, _transposed, _diagonal_only,
)  # fmt: skip
_OF_OTHER_SHAPE: tuple[Callable[[Samples], Named | None], ...] = (
    _transposed, _swapped, _not_summed, _summed_too_far, _other_axis,
)  # fmt: skip
