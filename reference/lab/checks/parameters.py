"""What the linear layer promises about its parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import Call, Get, Keep, New, Put, Ref, Reply, Seed, Step
from reference.findings import Violation
from reference.lab.context import MOST_SHOWN, Context, Response, entry
from reference.lab.replies import as_numbers, raised, type_of, word_by_position, word_of
from reference.numerics import tolerances
from reference.numerics.compare import worst_entry
from reference.numerics.estimate import Estimate
from reference.numerics.sampling import Draw, seeded, short_numbers
from reference.wording import fact

_SIZES = {"n_inputs": 40, "n_units": 50}


def check_made(context: Context, cls: str) -> None:
    """An object can be made with the contract's arguments, by their names, and its parameters can be set."""
    new, puts = new_layer(context, cls, _SIZES), []
    if cls == "LinearLayer":
        draw, (n_inputs, n_units) = short_numbers(context.rng("made")), _SIZES.values()
        puts = [Put("layer", "W", draw((n_inputs, n_units))), Put("layer", "b", draw((n_units,)))]
    reply, *others = context.executor.run([new, *puts])
    if reply.error is not None:
        context.log.append(Response((reply.error_kind,)))
        due = fact("makes", cls=cls, names=tuple(new.arguments))
        raise Violation(due, raised(reply), mistake=word_of(reply))
    for put, other in zip(puts, others, strict=True):
        if other.error is not None:
            due = fact("can be set", name=put.attribute, shape=put.value.shape)
            raise Violation(due, raised(other), mistake=word_of(other))


def check_has_params(context: Context, cls: str) -> None:
    """``has_params()`` tells training whether there is anything to learn: True for linear layers, False for others."""
    due = fact("has_params", value=cls == "LinearLayer")
    reply = context.executor.run([new_layer(context, cls, _SIZES), Call("layer", "has_params")])[-1]
    if reply.error is not None:
        raise Violation(due, raised(reply), mistake=word_of(reply))
    context.log.append(Response((reply.value,)))
    if not isinstance(reply.value, bool | np.bool_):
        mistake = "not-implemented" if reply.value is None else "wrong-type"
        raise Violation(due, fact("value", value=f"{reply.value}"[:200]), mistake=mistake)
    if bool(reply.value) is not due["value"]:
        raise Violation(due, fact("value", value=bool(reply.value)))


def check_initialisation(context: Context) -> None:
    """W is drawn from N(0, 2 / n_inputs) with the generator that was given, (n_inputs, n_units); b is all ones.

    Layers that share a generator draw in the order in which they are made; ``initialize()`` draws anew.
    """
    looks = [Get("layer", "W"), Get("layer", "b")]
    again = Call("layer", "initialize")
    W, b, done, second_W, second_b = _made(context, _SIZES, *looks, again, *looks)[-5:]
    if done.error is not None:
        raise Violation(fact("draws"), raised(done), mistake=word_of(done))
    rng = seeded(context.seed % 2**32)
    for name, reply in (("W", W), ("b", b), ("W", second_W), ("b", second_b)):
        due = rng.normal(0, np.sqrt(2 / 40), (40, 50)) if name == "W" else np.ones(50)
        found = _array(reply, name)
        context.log.append(Response((found,)))
        if found.shape != due.shape:
            expected, came = fact("shape of", what=name, shape=due.shape), fact("shape", shape=found.shape)
            raise Violation(expected, came, mistake="wrong-shape")
        # The square root and the product with it are rounded, in whatever order.
        index = worst_entry(found, Estimate(due, np.zeros(due.shape)), tolerances.INITIAL_WEIGHT_ROUNDING * np.abs(due))
        if index is not None and reply.value.dtype != np.float64:  # the numbers look right when they are shown
            came = fact("dtype", dtype=str(reply.value.dtype))
            raise Violation(fact("dtype of", what=name, dtype="float64"), came, index=index, mistake="initialisation")
        if index is not None:
            law = "rng.normal(0, sqrt(2 / n_inputs), (n_inputs, n_units))" if name == "W" else "np.ones(n_units)"
            expected, came = (
                fact("law", law=law, **_drawn(name, due, index)),
                fact("drawn", **_drawn(name, found, index)),
            )
            if _is_same_law(found, due):
                came = came.and_("another generator")
            raise Violation(expected, came, index=index, mistake="initialisation")


def _drawn(name: str, values: NDArray[np.float64], index: tuple[int, ...]) -> dict[str, Any]:
    with np.errstate(invalid="ignore", over="ignore"):
        law = {"mean": float(values.mean()), "deviation": float(values.std())}
    return {"what": name, "index": index, "value": float(values[index]), **law}


def _is_same_law(found: NDArray[np.float64], due: NDArray[np.float64]) -> bool:
    """Whether the deviation is right to a tenth of itself: then the law is right, and another generator has drawn."""
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(abs(found.std() - due.std()) < tolerances.SAME_DEVIATION * due.std())


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
        # Who keeps the parameters under other names has not lost the step.
        for reply in _made(context, {"n_inputs": 1, "n_units": 2}, Get("layer", "W"), Get("layer", "b"))[1:]:
            if reply.error is not None:
                raise first.but(mistake="missing")
        raise first


def _update(context: Context, d: int, u: int, draw: Draw) -> None:
    dW, db = draw((d, u)), draw((u,))
    # W and b are given, as for other methods: what the constructor draws has a check of its own.
    given = [Put("layer", "W", draw((d, u))), Put("layer", "b", draw((u,)))]
    looks = [Get("layer", "W"), Get("layer", "b")]
    update = Call("layer", "update_params", {"dtheta": [dW, db]})
    W, b, done, new_W, new_b = _made(context, {"n_inputs": d, "n_units": u}, *given, *looks, update, *looks)[-5:]
    if done.error is not None:
        context.log.append(Response((done.error_kind,)))
        raise Violation(fact("adds"), raised(done), mistake=word_of(done))
    if done.changed:
        names = ("dtheta",)
        raise Violation(fact("unchanged", names=names), fact("changed", names=names), mistake="mutates-input")
    _judge_sums(context, (dW, db), (W, b), (new_W, new_b))


def _is_added_first(
    context: Context, sizes: dict[str, int], step: Sequence[NDArray[Any]], before: Sequence[Reply]
) -> bool:
    """Whether a fresh object with the same parameters adds the step rightly."""
    looks = [Get("layer", "W"), Get("layer", "b")]
    given = [Put("layer", name, _array(reply, name)) for name, reply in zip("Wb", before, strict=True)]
    update = Call("layer", "update_params", {"dtheta": [*step]})
    *earlier, done, W, b = _made(context, sizes, *given, *looks, update, *looks)[-5:]
    try:
        _judge_sums(context, step, earlier, (W, b))
    except Violation:
        return False
    return done.error is None


def _judge_sums(
    context: Context, steps: Sequence[NDArray[np.float64]], before: Sequence[Reply], after: Sequence[Reply]
) -> None:
    """The parameters W and b after an update are those before it, plus the steps."""
    sums = []
    for name, step, earlier, later in zip(("W", "b"), steps, before, after, strict=True):
        old, new = _array(earlier, name), _array(later, name)
        sums.append((name, step, old, new))
        # Both are told to the diagnosis before either is judged.
        context.log.append(Response((new - old if new.shape == old.shape else old, new)))
    for name, step, old, new in sums:
        if not old.shape == new.shape == step.shape:
            due = fact("shape after update", what=name, shape=step.shape)
            raise Violation(due, fact("shape from", shape=new.shape, before=old.shape))
        # One addition is rounded. Single precision rounds more; another check finds that.
        index = worst_entry(
            new, Estimate(old + step, np.zeros(step.shape)), tolerances.UPDATE_ROUNDING * np.abs(old + step)
        )
        if index is not None:
            terms = {"old": float(old[index]), "step": float(step[index]), "value": float((old + step)[index])}
            raise Violation(
                fact("sum", what=name, index=index, **terms),
                entry(name, index, new),
                index=index,
                counterexample={"dW": steps[0].tolist(), "db": steps[1].tolist()} if step.size <= MOST_SHOWN else {},
            )


def check_update_adds_again(context: Context) -> None:
    """Every later ``update_params`` adds its own step and nothing else, by position too, whatever its size."""
    rng = context.rng("update again")
    for d, u in ((1, 1), (1, 2), (2, 3), (3, 3), (300, 65)):
        draws: list[Draw] = [short_numbers(rng), short_numbers(rng), _zeros]
        draws += [_huge(rng, power) for power in (10, 30, 200)]
        _update_again(context, d, u, [(draw((d, u)), draw((u,))) for draw in draws])


def _zeros(shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.zeros(shape)


def _huge(rng: np.random.RandomState, power: int) -> Draw:
    return lambda shape: rng.randn(*shape) * 10.0**power


def _update_again(context: Context, d: int, u: int, steps: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> None:
    """Update several times with the same two arrays, which hold other numbers each time."""
    looks = [Get("layer", "W"), Get("layer", "b")]
    # W and b are given, as for other methods: what the constructor draws has a check of its own.
    asked: list[Step] = [Put("layer", "W", np.ones((d, u))), Put("layer", "b", np.ones(u)), *looks]
    for number, (dW, db) in enumerate(steps):
        update = Call("layer", "update_params", {"dtheta": [Ref("dW"), Ref("db")]}, by_position=number % 2 == 0)
        asked += [Keep("dW", dW), Keep("db", db), update, *looks]
    replies = _made(context, {"n_inputs": d, "n_units": u}, *asked)[3:]
    before = replies[:2]
    for number, step in enumerate(steps):
        done, *after = replies[5 * number + 4 : 5 * number + 7]
        if done.error is not None:
            context.log.append(Response((done.error_kind,)))
            due = fact("adds").and_("at call", number=number + 1)
            raise Violation(due, raised(done), mistake=word_by_position(done))
        try:
            _judge_sums(context, step, before, after)
        except Violation as violation:
            if not _is_added_first(context, {"n_inputs": d, "n_units": u}, step, before):
                raise  # as a first step it is added wrongly, too: that is no matter of the steps before
            due = violation.due.and_("at call", number=number + 1)
            raise violation.but(due=due, mistake=violation.mistake or "stateful") from None
        before = after


def new_layer(context: Context, cls: str, sizes: dict[str, int]) -> New:
    """The step that makes an object of the class, by the contract's names; a linear layer of these sizes."""
    if cls == "LinearLayer":
        return New("layer", cls, {**sizes, "rng": Seed(context.seed % 2**32), "name": "layer"})
    return New("layer", cls, {"name": "layer"})


def _made(context: Context, sizes: dict[str, int], *steps: Any) -> list[Reply]:
    replies = context.executor.run([new_layer(context, "LinearLayer", sizes), *steps])
    if replies[0].error is not None:
        due = fact("makes", cls="LinearLayer", names=("n_inputs", "n_units", "rng", "name"))
        raise Violation(due, raised(replies[0]), mistake="crash")
    return replies


def _array(reply: Reply, name: str) -> NDArray[np.float64]:
    array = as_numbers(reply.value)
    if reply.error is not None or array is None:
        came = type_of(reply) if reply.error is None else raised(reply)
        raise Violation(fact("attribute", name=name), came, mistake="missing")
    return array.astype(np.float64)


#: Checks of the linear layer's parameters: the promise, its name, its subject.
OF_LINEAR: tuple[tuple[Callable[[Context], None], str, str], ...] = (
    (check_initialisation, "initialize.values", "LinearLayer.initialize"),
    (check_update_adds, "update_params.adds", "LinearLayer.update_params"),
    (check_update_adds_again, "update_params.adds_again", "LinearLayer.update_params"),
)
