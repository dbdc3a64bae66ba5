"""Linear layers that are right except for some questions about their parameters: made, initialised, updated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from tests.net_saboteurs import ClassSaboteur

_Linear: Any = plain.LinearLayer


def _linear(name: str, caught: str, **methods: Callable[..., Any]) -> ClassSaboteur:
    return ClassSaboteur(
        name, "linear.made linear.has_params linear.initialize linear.update_params", caught, "LinearLayer", methods
    )


def _weights(draw: Callable[[Any], Any]) -> Any:
    def initialize(self: Any) -> None:
        self.W, self.b = draw(self), np.ones(self.n_units)

    return initialize


def _again(change: Callable[[Any, Any], None]) -> Any:
    """Right the first time."""

    def initialize(self: Any) -> None:
        before = vars(self).get("W")
        _Linear.initialize(self)
        if before is not None:
            change(self, before)

    return initialize


def _forgets_ones(layer: Any, before: Any) -> None:
    layer.b = 0 * layer.b


def _keeps_weights(layer: Any, before: Any) -> None:
    layer.W = before


def _refuses(self: Any, n_inputs: Any, n_units: Any, rng: Any, name: Any) -> None:
    if n_inputs * n_units > 1000:
        raise ValueError("too many weights")
    _Linear.__init__(self, n_inputs, n_units, rng, name)


def _update(d: int, u: int, change: Callable[[Any, Any], None]) -> Any:
    def update_params(self: Any, dtheta: Any) -> None:
        _Linear.update_params(self, dtheta)
        if self.W.shape == (d, u):
            change(self, dtheta)

    return update_params


def _halves_the_step(layer: Any, dtheta: Any) -> None:
    layer.W -= dtheta[0] / 2


def _forgets_the_bias(layer: Any, dtheta: Any) -> None:
    layer.b -= dtheta[1]


def _transposes(layer: Any, dtheta: Any) -> None:
    layer.W += dtheta[0].T - dtheta[0]


def _uses_it_up(layer: Any, dtheta: Any) -> None:
    dtheta[0] *= 0


def _later(change: Callable[[Any, Any], None], first: int = 2) -> Any:
    """Right until some call of the object."""

    def update_params(self: Any, dtheta: Any) -> None:
        _Linear.update_params(self, dtheta)
        self.updates = getattr(self, "updates", 0) + 1
        if self.updates >= first:
            change(self, dtheta)

    return update_params


def _adds_twice(layer: Any, dtheta: Any) -> None:
    layer.W += dtheta[0]


def _takes_back(layer: Any, dtheta: Any) -> None:
    layer.W -= dtheta[0]


def _with_momentum(self: Any, dtheta: Any) -> None:
    velocity = [0.9 * old + step for old, step in zip(getattr(self, "velocity", [0.0, 0.0]), dtheta, strict=True)]
    self.velocity = velocity
    _Linear.update_params(self, velocity)


def _remembers_the_first(self: Any, dtheta: Any) -> None:
    self.first = getattr(self, "first", None) or [step.copy() for step in dtheta]
    _Linear.update_params(self, self.first)


def _by_name_alone(self: Any, *, dtheta: Any) -> None:
    _Linear.update_params(self, dtheta)


def _clips(self: Any, dtheta: Any) -> None:
    _Linear.update_params(self, [np.clip(step, -1e20, 1e20) for step in dtheta])


def _units_first(self: Any, n_units: Any, n_inputs: Any, rng: Any, name: Any) -> None:
    _Linear.__init__(self, n_inputs, n_units, rng, name)


_INITIAL, _ADDS = "initialize.values", "update_params.adds"
_AGAIN = "update_params.adds_again"
_ALWAYS = f"{_ADDS} {_AGAIN}"
PARAMETERS = [
    _linear("a thousand weights", f"made has_params {_INITIAL} {_AGAIN}", __init__=_refuses),
    _linear(
        "scaled by units",
        _INITIAL,
        initialize=_weights(lambda a: a.rng.normal(0, np.sqrt(2 / a.n_units), (a.n_inputs, a.n_units))),
    ),
    _linear(
        "drawn transposed",
        _INITIAL,
        initialize=_weights(lambda a: a.rng.normal(0, np.sqrt(2 / a.n_inputs), (a.n_units, a.n_inputs)).T),
    ),
    _linear("biases of the second time", _INITIAL, initialize=_again(_forgets_ones)),
    _linear("weights of the second time", _INITIAL, initialize=_again(_keeps_weights)),
    *(
        _linear(f"a step of {d} x {u} weights", _ALWAYS, update_params=_update(d, u, _halves_the_step))
        for d, u in ((1, 2), (2, 3), (3, 3))
    ),
    _linear("a step of biases", _ALWAYS, update_params=_update(2, 3, _forgets_the_bias)),
    _linear("a step of as many inputs as units", _ALWAYS, update_params=_update(3, 3, _transposes)),
    _linear("the step itself", _ADDS, update_params=_update(1, 2, _uses_it_up)),
    _linear("the second step, twice", _AGAIN, update_params=_later(_adds_twice)),
    _linear("the fourth step, twice", _AGAIN, update_params=_later(_adds_twice, 4)),
    _linear("the second step, ignored", _AGAIN, update_params=_later(_takes_back)),
    _linear("the second step, with momentum", _AGAIN, update_params=_with_momentum),
    _linear("the first step, again and again", _AGAIN, update_params=_remembers_the_first),
    _linear("a step without its name", _AGAIN, update_params=_by_name_alone),
    _linear("a step of 1e30", _AGAIN, update_params=_clips),
    _linear("a step of many weights", _AGAIN, update_params=_update(300, 65, _halves_the_step)),
    _linear("sizes without their names", "made.by_position", __init__=_units_first),
]
