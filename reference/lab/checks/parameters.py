"""What the linear layer promises about its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import Call, Get, New, Put, Reply, Seed
from reference.findings import Violation
from reference.lab.context import Context, Response, as_numbers, word_of
from reference.lab.formatting import short
from reference.numerics.compare import worst_entry
from reference.numerics.estimate import Estimate
from reference.numerics.sampling import Draw, short_numbers

_SIZES = {"n_inputs": 40, "n_units": 50}


def check_made(context: Context, cls: str) -> None:
    """An object can be made with the contract's arguments, by their names."""
    reply = context.executor.run([_new(context, cls, _SIZES)])[0]
    if reply.error is not None:
        context.log.append(Response((reply.error_kind,)))
        names = ", ".join(_new(context, cls, _SIZES).arguments)
        raise Violation(f"{cls}({names}) to make a layer", reply.error, mistake=word_of(reply, "__init__"))


def check_has_params(context: Context, cls: str) -> None:
    """``has_params()`` tells training whether there is anything to learn: True for linear layers, False for others."""
    due = cls == "LinearLayer"
    reply = context.executor.run([_new(context, cls, _SIZES), Call("layer", "has_params")])[-1]
    if reply.error is not None:
        raise Violation(f"has_params() = {due}", reply.error, mistake=word_of(reply, "has_params"))
    context.log.append(Response((reply.value,)))
    if not isinstance(reply.value, bool | np.bool_):
        mistake = "not-implemented" if reply.value is None else "wrong-type"
        raise Violation(f"has_params() = {due}", f"{reply.value}"[:200], mistake=mistake)
    if bool(reply.value) is not due:
        raise Violation(f"has_params() = {due}", f"{bool(reply.value)}")


def check_initialisation(context: Context) -> None:
    """W is drawn from N(0, 2 / n_inputs) with the generator that was given, (n_inputs, n_units); b is all ones.

    Layers that share a generator draw in the order in which they are made; ``initialize()`` draws anew.
    """
    looks = [Get("layer", "W"), Get("layer", "b")]
    again = Call("layer", "initialize")
    W, b, done, second_W, second_b = _made(context, _SIZES, *looks, again, *looks)[-5:]
    if done.error is not None:
        raise Violation("initialize() to draw W and b", done.error, mistake=word_of(done, "initialize"))
    rng = np.random.RandomState(context.seed % 2**32)
    for name, reply in (("W", W), ("b", b), ("W", second_W), ("b", second_b)):
        due = rng.normal(0, np.sqrt(2 / 40), (40, 50)) if name == "W" else np.ones(50)
        found = _array(reply, name)
        context.log.append(Response((found,)))
        if found.shape != due.shape:
            raise Violation(f"{name} of shape {due.shape}", f"shape {found.shape}", mistake="wrong-shape")
        # The square root, and scaling by it: a rounding or two, in whatever order.
        index = worst_entry(found, Estimate(due, np.zeros(due.shape)), 4 * 2.0**-53 * np.abs(due))
        if index is not None:
            law = "rng.normal(0, sqrt(2 / n_inputs), (n_inputs, n_units))" if name == "W" else "np.ones(n_units)"
            raise Violation(
                f"{name} = {law}, that is {_drawn(name, due, index)}",
                f"{_drawn(name, found, index)}{_same_law(found, due)}",
                index=index,
                mistake="initialisation",
            )


def _drawn(name: str, values: NDArray[np.float64], index: tuple[int, ...]) -> str:
    with np.errstate(invalid="ignore", over="ignore"):
        return f"{name}{list(index)} = {values[index]:.6g}, with mean {values.mean():.3g}, deviation {values.std():.3g}"


def _same_law(found: NDArray[np.float64], due: NDArray[np.float64]) -> str:
    """Whether it is the right distribution, by a tenth of its deviation: then another generator has drawn."""
    with np.errstate(invalid="ignore", over="ignore"):
        alike = abs(found.std() - due.std()) < 0.1 * due.std()
    return ": the right distribution, but not drawn by the generator that was given" if alike else ""


def check_update_adds(context: Context) -> None:
    """``update_params([dW, db])`` adds to W and b: who trains passes -alpha times the gradient."""
    draw = short_numbers(context.rng("update"))
    first: Violation | None = None
    for d, u in ((1, 2), (2, 3), (3, 3)):
        try:
            _update(context, d, u, draw)
        except Violation as violation:
            first = first or violation
    if first is not None:
        raise first


def _update(context: Context, d: int, u: int, draw: Draw) -> None:
    dW, db = draw((d, u)), draw((u,))
    # As for the other methods: what the constructor makes of them is a question of its own.
    given = [Put("layer", "W", draw((d, u))), Put("layer", "b", draw((u,)))]
    looks = [Get("layer", "W"), Get("layer", "b")]
    update = Call("layer", "update_params", {"dtheta": [dW, db]})
    W, b, done, new_W, new_b = _made(context, {"n_inputs": d, "n_units": u}, *given, *looks, update, *looks)[-5:]
    if done.error is not None:
        context.log.append(Response((done.error_kind,)))
        raise Violation(
            "update_params(dtheta=[dW, db]) to add to W and b", done.error, mistake=word_of(done, "update_params")
        )
    if done.changed:
        raise Violation("dtheta to be as before the call", "dtheta changed", mistake="mutates-input")
    for name, before, step, after in (("W", W, dW, new_W), ("b", b, db, new_b)):
        old, new = _array(before, name), _array(after, name)
        context.log.append(Response((new - old if new.shape == old.shape else old, new)))
        if not old.shape == new.shape == step.shape:
            raise Violation(f"{name} of shape {step.shape} after the update", f"shape {new.shape}, from {old.shape}")
        # One addition, rounded; whoever keeps single precision rounds more, and is told so elsewhere.
        index = worst_entry(new, Estimate(old + step, np.zeros(step.shape)), 2.0**-52 * np.abs(old + step))
        if index is not None:
            raise Violation(
                f"{name}{list(index)} = {short(old[index])} + {short(step[index])} = {short((old + step)[index])}",
                f"{name}{list(index)} = {short(new[index])}",
                index=index,
                counterexample={"dW": dW.tolist(), "db": db.tolist()},
            )


def _new(context: Context, cls: str, sizes: dict[str, int]) -> New:
    if cls == "LinearLayer":
        return New("layer", cls, {**sizes, "rng": Seed(context.seed % 2**32), "name": "layer"})
    return New("layer", cls, {"name": "layer"})


def _made(context: Context, sizes: dict[str, int], *steps: Any) -> list[Reply]:
    replies = context.executor.run([_new(context, "LinearLayer", sizes), *steps])
    if replies[0].error is not None:
        raise Violation("LinearLayer(n_inputs, n_units, rng, name) to make a layer", replies[0].error, mistake="crash")
    return replies


def _array(reply: Reply, name: str) -> NDArray[np.float64]:
    array = as_numbers(reply.value)
    if reply.error is not None or array is None:
        raise Violation(f"the attribute {name} to be an array", reply.error or reply.kind, mistake="missing")
    return array.astype(np.float64)


#: Checks of one class each, then those of the linear layer's parameters: the promise, its name, its subject.
OF_CLASSES = (check_made, check_has_params)
OF_LINEAR: tuple[tuple[Callable[[Context], None], str, str], ...] = (
    (check_initialisation, "initialize.values", "LinearLayer.initialize"),
    (check_update_adds, "update_params.adds", "LinearLayer.update_params"),
)
