"""What the linear layer promises about its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.exam import Exam, short_numbers
from reference.findings import Violation
from reference.protocol import Call, Get, New, Reply, Seed

_SIZES = {"n_inputs": 40, "n_units": 50}


def check_has_params(exam: Exam) -> None:
    """The linear layer says that it has parameters, so that training updates it."""
    reply = _made(exam, _SIZES, Call("layer", "has_params"))[-1]
    if reply.error is not None or reply.value is not True:
        raise Violation("has_params() = True", reply.error or f"{reply.value}", mistake=None)


def check_initialisation(exam: Exam) -> None:
    """W is drawn from N(0, 2 / n_inputs) with the generator that was given, (n_inputs, n_units); b is all ones."""
    replies = _made(exam, _SIZES, Get("layer", "W"), Get("layer", "b"))
    W, b = (_array(reply, name) for reply, name in zip(replies[-2:], "Wb", strict=True))
    due = np.random.RandomState(exam.seed % 2**32).normal(0, np.sqrt(2 / 40), (40, 50))
    for name, found, expected in (("W", W, due), ("b", b, np.ones(50))):
        if found.shape != expected.shape:
            raise Violation(f"{name} of shape {expected.shape}", f"shape {found.shape}", mistake="initialisation")
        # sqrt(2 / n) and scaling by it: a rounding or two, in whatever order.
        if (np.abs(found - expected) > 4 * 2.0**-53 * np.abs(expected)).any():
            raise Violation(
                f"{name} as {'rng.normal(0, sqrt(2 / n_inputs), (n_inputs, n_units))' if name == 'W' else 'ones'}",
                f"mean {found.mean():.3g} and deviation {found.std():.3g}, due {expected.mean():.3g} and "
                f"{expected.std():.3g}, or other draws",
                mistake="initialisation",
            )


def check_update_adds(exam: Exam) -> None:
    """``update_params([dW, db])`` adds to W and b: who trains passes -alpha times the gradient."""
    rng = exam.rng("update")
    draw = short_numbers(rng)
    dW, db = draw((2, 3)), draw((3,))
    steps = [Get("layer", "W"), Get("layer", "b"), Call("layer", "update_params", {"dtheta": [dW, db]})]
    replies = _made(exam, {"n_inputs": 2, "n_units": 3}, *steps, Get("layer", "W"), Get("layer", "b"))
    W, b, _, new_W, new_b = replies[-5:]
    if replies[-3].error is not None:
        raise Violation("update_params(dtheta=[dW, db]) to be a method", replies[-3].error, mistake="crash")
    for name, before, step, after in (("W", W, dW, new_W), ("b", b, db, new_b)):
        _judge_update(name, _array(before, name), step, _array(after, name))


def _judge_update(name: str, before: NDArray[Any], step: NDArray[Any], after: NDArray[Any]) -> None:
    if after.shape == step.shape and np.array_equal(after, before + step):
        return
    mistakes = {"update-sign": before - step, "update-replaces": step, "scaled": before}
    named = [word for word, wrong in mistakes.items() if np.array_equal(after, wrong)]
    raise Violation(
        f"{name} + d{name} after the update",
        f"off by {np.abs(after - before - step).max():.3g}" if after.shape == step.shape else f"shape {after.shape}",
        mistake=named[0] if named else None,
    )


def _made(exam: Exam, sizes: dict[str, int], *steps: Any) -> list[Reply]:
    arguments = {**sizes, "rng": Seed(exam.seed % 2**32), "name": "layer"}
    replies = exam.session.run([New("layer", "LinearLayer", arguments), *steps])
    if replies[0].error is not None:
        raise Violation("LinearLayer(n_inputs, n_units, rng, name) to make a layer", replies[0].error, mistake="crash")
    return replies


def _array(reply: Reply, name: str) -> NDArray[Any]:
    array = np.asarray(reply.value)
    if reply.error is not None or array.dtype.kind not in "fiu":
        raise Violation(f"the attribute {name} to be an array", reply.error or reply.kind, mistake="missing")
    return array


#: In order; what each is about; what it depends on.
CHECKS: tuple[tuple[Callable[[Exam], None], str, tuple[str, ...]], ...] = (
    (check_has_params, "LinearLayer.has_params", ()),
    (check_initialisation, "LinearLayer.initialize", ()),
    (check_update_adds, "LinearLayer.update_params", ()),
)
