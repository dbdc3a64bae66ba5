"""Mistakes in which the whole gradient has another factor, or the right formula is given another array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis.changes import value_of
from reference.gradients.diagnosis.graph import Node, unbroadcast
from reference.gradients.diagnosis.named import Named
from reference.gradients.diagnosis.samples import Sample, Samples
from reference.gradients.diagnosis.view import seen
from reference.gradients.diagnosis.whole import factor_between
from reference.numerics import likeness

Array = NDArray[Any]
#: Steps of a graph in which each may stand for each other in a product.
_FEW = 60


def _with_other_values(samples: Samples) -> Iterator[Named]:
    """The right formula with 0, 1 or the transpose in the place of another argument, or of an array of constants."""
    graph = samples.graph
    for number, node in enumerate(graph.nodes):
        if node.inputs or node is graph.arguments[samples.position] or node.value.dtype.kind != "f":
            continue
        for word, change in _OTHER_VALUES:
            if word == "transposed" and not _is_square(node.value):
                continue
            if node.value.size > 1 and samples.agree(_with_leaf(samples, number, change)):
                is_mask = node.op == "constant" and is_mask_like(node.value)
                yield Named("mask-missing" if is_mask and word == "factor-missing" else word)


def is_mask_like(array: Array) -> bool:
    """Whether it has two values, of which one is 0."""
    values = np.unique(array)
    return array.size > 1 and len(values) == 2 and 0.0 in values  # noqa: PLR2004 - open and shut


def _taken_for_another(samples: Samples) -> Iterator[Named]:
    """The right formula with another argument in the place of one, or of each other."""
    graph = samples.graph
    for one, two in permutations(range(len(graph.arguments)), 2):
        if graph.arguments[one].value.shape != graph.arguments[two].value.shape:
            continue
        for both in (False, True):
            if all(_agrees_with(samples, each, {one: two, two: one} if both else {one: two}) for each in samples):
                yield Named("wrong-argument")
                return


def _agrees_with(samples: Samples, sample: Sample, taken: dict[int, int]) -> bool:
    floats = [sample.floats[taken.get(n, n)] for n in range(len(sample.floats))]
    with np.errstate(all="ignore"):
        return sample.agrees(sample.gradients_at(floats)[samples.position], samples.position)


def _is_square(array: Array) -> bool:
    return array.ndim > 1 and array.shape[-1] == array.shape[-2]


_OTHER_VALUES: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("factor-missing", np.ones_like),
    ("term-missing", np.zeros_like),
    ("transposed", lambda array: np.swapaxes(array, -1, -2)),
    ("sign", np.negative),
)


def _with_leaf(samples: Samples, number: int, change: Callable[[Array], Array]) -> list[Array]:
    """The gradients where an argument or a constant has another value."""
    return [each.gradients_with_leaf(number, change(value_of(each, number)))[samples.position] for each in samples]


def _without_factor(samples: Samples) -> Iterator[Named]:
    """The gradient lacks a factor that is the value of a step, but for a constant."""
    view = seen(samples)
    for number, node in enumerate(view.nodes):
        if (node.op == "constant" and node.value.size == 1) or not _varies_somewhere(samples, number):
            continue
        for power in (-1.0, 1.0):
            found = []
            for sample, truth in zip(samples, samples.truths, strict=True):
                with np.errstate(all="ignore"):
                    changed = _times(truth, value_of(sample, number), power)
                if changed is None or not np.isfinite(changed).all():
                    break
                found.append(changed)
            if len(found) == len(samples.all):
                factor = factor_between(found, samples.answers)
                divides = any(each.op == "divide" and each.inputs[1] is node for each in view.nodes)
                word = _word_of_factor(factor or 0.0, power, node, divides=divides)
                if word and samples.agree([(factor or 0.0) * each for each in found]):
                    yield Named(word)


def _with_other_factor(samples: Samples) -> Iterator[Named]:
    """The gradient has the value of one step as a factor where it should have that of another."""
    nodes, truths = samples.graph.nodes, samples.truths
    if len(nodes) > _FEW:
        return
    shape = truths[0].shape
    numbers = [n for n, node in enumerate(nodes) if node.op != "constant" and node.value.shape == shape]
    for one, two in permutations(numbers, 2):
        values = [(value_of(each, one), value_of(each, two)) for each in samples]
        if all(
            each.agrees(truth * new / old, samples.position)
            for each, truth, (old, new) in zip(samples, truths, values, strict=True)
        ):
            yield Named("wrong-argument")
            return


def _word_of_factor(factor: float, power: float, node: Node, *, divides: bool) -> str | None:
    """What it means that the gradient is multiplied or divided by a step's value, and by a constant."""
    if not factor:
        return None
    if power < 0:
        return "factor-missing" if node.value.size > 1 else None
    if abs(factor - 1) < likeness.PARTS_FIT:
        return "factor-missing" if divides else "wrong-argument"
    count = 1 / factor
    is_count = divides and count > 1 and abs(count - round(count)) < likeness.SAME_CONSTANT
    return "scaled" if is_count else None  # a sum is divided by, and a count is instead


def _varies_somewhere(samples: Samples, number: int) -> bool:
    """Whether a step's value is more than one constant, in a sample or in all of them."""
    values = [value_of(each, number) for each in samples]
    return any(float(np.ptp(each)) > 0 for each in values if each.size > 1) or (
        values[0].size == 1 and len({each.item() for each in values}) > 1
    )


def _varies(sample: Sample, number: int) -> bool:
    value = value_of(sample, number)
    return value.size > 1 and float(np.ptp(value)) > 0


def _times(truth: Array, value: Array, power: float) -> Array | None:
    """The product, with axes at the end of the value where it has fewer; None where they do not fit."""
    for array in (value, value[..., None] if value.ndim else value):
        with suppress(ValueError):
            found = truth * array**power
            if found.shape == truth.shape:
                return found
    return None


def _other_value(samples: Samples) -> Iterator[Named]:
    """The cotangent times another step's value, where it should be times that of this one."""
    view = seen(samples)
    for number, node in enumerate(view.nodes):
        if (
            node.op == "constant"
            or node.value.shape != samples.all[0].cotangent.shape
            or node.value.shape == samples.all[0].truths[samples.position].shape
            or not any(_varies(each, number) for each in samples)
        ):
            continue
        found = []
        for sample in samples:
            products = sample.cotangent * value_of(sample, number)
            shape = sample.truths[samples.position].shape
            try:
                found.append(unbroadcast(products, shape))
            except ValueError:
                break
        if len(found) == len(samples.all) and samples.agree(found):
            yield Named("wrong-argument")


#: In the order in which they are tried.
KINDS: tuple[Callable[[Samples], Iterator[Named]], ...] = (
    _with_other_values, _without_factor, _with_other_factor, _taken_for_another, _other_value,
)  # fmt: skip
