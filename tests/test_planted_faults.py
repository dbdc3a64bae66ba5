"""Small faults planted in right gradients are caught, beside two usual checks; a right gradient raises no alarm.

``pytest -m measure -s tests/test_planted_faults.py`` prints one table over all right functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import check_vjp
from tests.gradients import RIGHT, Right

pytestmark = [pytest.mark.catalogue, pytest.mark.usefixtures("short_search")]

Array = NDArray[Any]
Fault = Callable[[Array], Array]


def _one_entry(gradient: Array) -> Array:
    changed = gradient.copy()
    changed.flat[int(np.argmax(np.abs(changed)))] *= 1 + 1e-5
    return changed


def _one_missing(gradient: Array) -> Array:
    changed = gradient.copy()
    changed.flat[int(np.argmax(np.abs(changed)))] = 0.0
    return changed


FAULTS: dict[str, Fault] = {
    "one entry off by 1e-5 of it": _one_entry,
    "all off by 1e-5 of them": lambda g: g * (1 + 1e-5),
    "1e-7 added": lambda g: g + 1e-7,
    "an entry missing": _one_missing,
    "half of them missing": lambda g: g * (np.arange(g.size) % 2 == 0).reshape(g.shape),
    "the other way round": lambda g: g.reshape(-1)[::-1].reshape(g.shape).copy(),
    "moved along the last axis": lambda g: np.roll(g, 1, -1) if g.ndim else g,
    "the mean for each": lambda g: np.full_like(g, g.mean()),
    "divided by the first length": lambda g: g / len(g) if g.ndim else g,
    "sign": lambda g: -g,
}
#: A few for each run of the tests; all of them are for the measurement.
SAMPLE = ("tanh", "softmax", "layer norm", "matrix product", "maximum", "division")


def spoiled(right: Right, fault: Fault, number: int) -> Callable[..., tuple[Any, ...]]:
    """The gradients of a right function, one of them with a fault."""

    def vjp(c: Array, *args: Array) -> tuple[Any, ...]:
        gradients = list(right.vjp(c, *args))
        gradients[number] = np.asarray(fault(np.asarray(gradients[number])))
        return tuple(gradients)

    return vjp


def planted(names: tuple[str, ...]) -> Iterator[tuple[str, str, Right, Callable[..., tuple[Any, ...]]]]:
    """Each fault that changes a gradient at the given arguments."""
    for name in names:
        right = RIGHT[name]
        args = [np.asarray(each) for each in right.args]
        output = np.asarray(right.forward(*args))
        cotangent = np.random.RandomState(3).randn(*output.shape)
        honest = right.vjp(cotangent, *args)
        for number, gradient in enumerate(honest):
            if gradient is None or args[number].dtype.kind != "f":
                continue
            for fault, change in FAULTS.items():
                if np.abs(np.asarray(change(np.asarray(gradient))) - gradient).max(initial=0.0) > 1e-9:
                    yield name, f"{fault} in gradient[{number}]", right, spoiled(right, change, number)


def by_differences(right: Right, vjp: Callable[..., Any], is_right: Callable[[Array, Array], bool]) -> bool:
    """Whether a gradient passes a check by central differences at the given arguments, with a random cotangent."""
    args = [np.array(each) for each in right.args]
    cotangent = np.random.RandomState(5).randn(*np.shape(right.forward(*args)))
    found = vjp(cotangent, *(each.copy() for each in args))
    for number, argument in enumerate(args):
        if argument.dtype.kind != "f":
            continue
        slopes = np.zeros(argument.shape)
        for index in np.ndindex(argument.shape):
            values = []
            for step in (1e-6, -1e-6):
                moved = [each.copy() for each in args]
                moved[number][index] += step
                values.append((cotangent * right.forward(*moved)).sum())
            slopes[index] = (values[0] - values[1]) / 2e-6
        if not is_right(np.asarray(found[number]), slopes):
            return False
    return True


def relative_error(claimed: Array, slopes: Array) -> bool:
    """The usual relative error, below 1e-6 taken for right once rounding of the differences is allowed for."""
    off = np.abs(claimed - slopes)
    return bool((off <= 1e-6 * np.maximum(np.abs(claimed) + np.abs(slopes), 1e-3)).all())


def gradchecks_rule(claimed: Array, slopes: Array) -> bool:
    """1e-5 plus a thousandth, as `torch.autograd.gradcheck` allows."""
    return bool((np.abs(claimed - slopes) <= 1e-5 + 1e-3 * np.abs(slopes)).all())


def is_caught(right: Right, vjp: Callable[..., Any]) -> bool:
    found = check_vjp(right.forward, vjp, *right.args, domain=right.domain, effort="quick")
    assert not [each for each in found if each.status == "error"]
    return bool(found.failed)


@pytest.mark.parametrize("name", SAMPLE)
def test_small_faults_are_caught(name: str) -> None:
    """Each of the first three, the smallest ones, in the first gradient."""
    faults = [each for each in planted((name,)) if each[1].endswith("gradient[0]")][:3]
    assert len(faults) == 3
    assert [fault for _, fault, right, vjp in faults if not is_caught(right, vjp)] == []


@pytest.mark.measure
def test_faults_in_all_right_functions() -> None:
    """All are caught, and no right function raises an alarm; the two usual checks are beside it."""
    counts = {"planted": 0, "check_vjp": 0, "relative error": 0, "gradcheck's rule": 0}
    missed = []
    for name, fault, right, vjp in planted(tuple(RIGHT)):
        counts["planted"] += 1
        caught = is_caught(right, vjp)
        counts["check_vjp"] += caught
        missed += [] if caught else [f"{name}: {fault}"]
        counts["relative error"] += not by_differences(right, vjp, relative_error)
        counts["gradcheck's rule"] += not by_differences(right, vjp, gradchecks_rule)
    alarms = [name for name, right in RIGHT.items() if is_caught(right, right.vjp)]
    print(counts, "missed:", missed, "false alarms:", alarms, "of", len(RIGHT))  # noqa: T201 - a measurement
    assert not missed
    assert not alarms
