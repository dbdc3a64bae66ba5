"""Stand-ins for tensors and balls, by which a specification is read: arrays of classes that a definition can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import rigorous
from reference.gradients.arguments import pattern
from reference.gradients.specification import Specification
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball, torch_autograd
from tests.gradients import drawn

Array = NDArray[Any]
X = drawn(2, 3)


class Tensor(np.ndarray[Any, Any]):
    """An argument of a definition for tensors."""


class Ball(np.ndarray[Any, Any]):
    """An argument of a definition for balls."""


class Oracle:
    """Takes the place of a module that evaluates and differentiates definitions."""

    def __init__(self, kind: Any, slope: float = 0.0) -> None:
        self.kind, self.slope, self.error = kind, slope, 2.0**-40 if kind is Tensor else 2.0**-30
        self.seen: list[str] = []

    def run(self, definition: Callable[..., Any], floats: Sequence[Any]) -> Array:
        assert all(each.dtype == np.float64 for each in floats)
        return np.asarray(definition(*(each.view(self.kind) for each in floats)), dtype=np.float64)

    def value(self, definition: Callable[..., Any], floats: Sequence[Any]) -> Estimate:
        self.seen.append("value")
        found = self.run(definition, floats)
        return Estimate(found, np.full(found.shape, self.error))

    def evaluate(self, definition: Callable[..., Any], floats: Sequence[Any]) -> Array:
        self.seen.append("evaluate")
        return self.run(definition, floats)

    def vjp(self, definition: Callable[..., Any], weights: Array, floats: Sequence[Any]) -> tuple[Estimate, ...]:
        self.seen.append("vjp")
        assert self.run(definition, floats).shape == weights.shape
        return tuple(
            Estimate(np.full(each.shape, self.slope * weights.sum()), np.full(each.shape, self.error))
            for each in floats
        )


def patch(
    monkeypatch: pytest.MonkeyPatch, *, tensors: bool = False, balls: bool = False, **more: Any
) -> tuple[Oracle, Oracle]:
    """Put stand-ins in the place of what is installed, and nothing in that of the rest."""
    found = Oracle(Tensor, **more), Oracle(Ball, **more)
    for module, oracle, is_there in ((torch_autograd, found[0], tensors), (ball, found[1], balls)):
        monkeypatch.setattr(module, "available", lambda is_there=is_there: None if is_there else "not needed here")
        for name in ("value", "vjp", "evaluate"):
            if is_there:
                monkeypatch.setattr(module, name, getattr(oracle, name), raising=False)
    monkeypatch.setattr(torch_autograd, "constant", lambda array: array.view(Tensor))
    monkeypatch.setattr(rigorous, "available", lambda: "not needed here")
    return found


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Oracle, Oracle]]:
    """Puts stand-ins in the place of what is installed."""
    return partial(patch, monkeypatch)


def kind_of(x: Any) -> str:
    return {Tensor: "tensors", Ball: "balls"}.get(type(x), "arrays")


def only(*kinds: str) -> Callable[..., Any]:
    """A definition that cannot do with other kinds of arguments."""

    def definition(x: Any, *more: Any) -> Any:
        assert kind_of(x) in kinds, f"given {kind_of(x)}"
        assert all((kind_of(each) == "tensors") is (kind_of(x) == "tensors") for each in more)
        return np.asarray(x) * 3.0 + sum(np.asarray(each).sum() for each in more)

    return definition


def spec_of(definition: Any, *args: Any, **more: Any) -> Specification:
    return Specification(definition, pattern(args or (X,), more.pop("domain", None), **more))
