"""Steps that go wrong for the weights, the biases, or both: with a factor, a sign, or in place of the old ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from reference.lab.mistakes import scales
from reference.lab.mistakes.catalogue import Mistake, classes_with

_SUBJECT = "LinearLayer.update_params"
_SIGN = "Who multiplies by -alpha, the trainer or the layer?"
_FACTOR = "The step is given: by what is it multiplied here?"
_STAY = "Is the sum stored in the layer, or in a name that ends with the method?"
_OPERATION = "Which operation makes the new parameters of the old ones and the step?"
_LIMIT = "Whose work is it to limit a step?"
_OLD = "What becomes of the parameters that were there before?"
#: From the old parameters and the step to the new ones.
Step = Callable[[Any, Any], Any]


def _times(factor: float) -> Step:
    return lambda old, step: old + factor * step


def _estimated(seen: tuple[float, float, float]) -> Iterator[tuple[str, str, str, Step]]:
    """Ways with a constant, which one entry shows: its old value, its step and its new value."""
    old, step, new = seen
    change = scales.short(abs(new - old))
    if change is not None and abs(new - old) < abs(step):
        yield "clipped", _LIMIT, f"moved by {change} at most", lambda a, b: a + np.clip(b, -change, change)
    kept = scales.short((new - step) / old) if old else None
    if kept is not None and kept not in {0, 1}:
        yield "extra-term", _OLD, f"added to {kept} times the old", lambda a, b: kept * a + b


def updates(seen: tuple[float, float, float] | None = None) -> Iterator[Mistake]:
    """Every way to update the weights, and the biases, but the right one.

    ``seen``: the old value, the step and the new value of one entry, from which constants are estimated.
    """
    ratio = (seen[2] - seen[0]) / seen[1] if seen is not None and seen[1] else None
    ways: list[tuple[str, str, str, Step]] = [
        ("", "", "added", _times(1)),
        ("update-sign", _SIGN, "subtracted", _times(-1)),
        ("update-missing", _STAY, "left as it was", lambda old, step: old + 0),
        ("update-replaces", _OLD, "put in place", lambda old, step: step + 0),
        ("update-replaces", _OLD, "put in place with a minus sign", lambda old, step: -step),
        ("wrong-function", _OPERATION, "multiplied", lambda old, step: old * step),
        ("wrong-function", _OPERATION, "taken off the step", lambda old, step: step - old),
        ("scaled", _FACTOR, "added twice", _times(2)),
        ("scaled", _FACTOR, "halved", _times(0.5)),
        ("low-precision", "Which digits of the sum are kept?", "added in single precision", _single),
    ]
    ways += _estimated(seen) if seen is not None else []
    for factor in () if ratio is None or not np.isfinite(ratio) else (ratio, -ratio):
        if factor not in {0, 1, -1, 2, 0.5}:
            told = f"added {scales.constant_in_words(factor)} times"
            ways.append(("scaled" if factor > 0 else "update-sign", _FACTOR, told, _times(factor)))
    for weights, biases in product(ways, ways):
        words = [way[0] for way in (weights, biases) if way[0]]
        if words:
            hint = weights[1] or biases[1]
            name = f"{_SUBJECT}: W {weights[2]}, b {biases[2]}"
            classes = classes_with(_SUBJECT, _method(weights[3], biases[3]))
            yield Mistake(name, _SUBJECT, words[0], hint, classes, tuple(words[1:]))


def _single(old: Any, step: Any) -> Any:
    return (old.astype(np.float32) + step.astype(np.float32)).astype(np.float64)


def _method(weights: Step, biases: Step) -> Any:
    def update_params(self: Any, dtheta: Any) -> None:
        self.W[...] = weights(self.W, np.asarray(dtheta[0]))
        self.b[...] = biases(self.b, np.asarray(dtheta[1]))

    return update_params
