"""What the network promises: which layers run, what it costs, and its gradient; with and without output layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reference.engine import Check, first_sentence
from reference.execution.worker.protocol import Call, Get, Reply
from reference.findings import Violation
from reference.lab.checks import net_calls, net_uses
from reference.lab.checks.deep import check_gradient_of_deep_net
from reference.lab.context import Context, Response
from reference.lab.net_run import NetRun
from reference.lab.network import SHAPES, NetCase, case_of, cases
from reference.lab.replies import as_numbers, no_numbers, word_for
from reference.numerics import tolerances
from reference.numerics.compare import worst_entry
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import finite_differences
from reference.numerics.sampling import normal_numbers
from reference.wording import fact

Array = NDArray[np.float64]

_EVERY, _COMPOUND = frozenset({1, 2, 3}), frozenset({2, 3})
#: Checks that excuse others: a network that calls its own ``propagate`` is wrong wherever that is.
_PROPAGATE = ("propagate.answers", "propagate.values", "propagate.without_output_layers", "propagate.to_last_layer")
METHODS = ("propagate", "evaluate", "gradient")
#: By method: the checks that excuse it where it changes what it should not. It may call the others.
_CHANGING: dict[str, tuple[str, ...]] = {
    "propagate": (),
    "evaluate": ("propagate.changes_nothing",),
    "gradient": ("propagate.changes_nothing", "evaluate.changes_nothing"),
}
_STATE = {
    method: (*(f"{each}.changes_nothing" for each in METHODS), *(f"{each}.no_state" for each in METHODS[:number]))
    for number, method in enumerate(METHODS)
}
_ORDER = {
    method: (
        *(f"{each}.{name}" for each in METHODS for name in ("changes_nothing", "no_state")),
        *(f"{each}.in_any_order" for each in METHODS[:number]),
    )
    for number, method in enumerate(METHODS)
}
#: A power of two: the step is exact.
_ALPHA = 0.125
#: One step of gradient descent, as a line of a script.
_STEP = (
    f"for G in [net.gradient(X, T)]: "
    f"[layer.update_params([-{_ALPHA} * part for part in G[layer.name]]) for layer in linear]"
)


def _check(
    run: Callable[[Context], None],
    name: str,
    *,
    needs: tuple[str, ...] = (),
    excuses: tuple[str, ...] = (),
    assignments: frozenset[int] = _EVERY,
) -> Check:
    """A check of the network; ``needs`` and ``excuses`` are other checks of the network."""
    of_net, subject = (f"mlp.{each}" for each in needs), f"MLP.{name.partition('.')[0]}"
    blamed = (f"mlp.{each}" for each in excuses)
    return Check(f"mlp.{name}", subject, first_sentence(run), run, tuple(of_net), tuple(blamed), assignments)


def check_net_answers(context: Context, method: str) -> None:
    """A network can be made of layers by the contract's argument names, and the method can be called."""
    for case in cases(context):
        T = {} if method == "propagate" else {"T": case.T}
        NetRun(context, case).reply(Call("net", method, {"X": case.X, **T}))


def check_propagate(context: Context) -> None:
    """``propagate(X)`` gives the probabilities, through the output layers where there are any."""
    _judge_each(context, _judge_probabilities)


def _judge_probabilities(net: NetRun) -> None:
    net.judge_answer("propagate", net.propagate())


def check_propagate_without_output_layers(context: Context) -> None:
    """``propagate(X, output_layers=False)`` stops where the loss takes over: at the logits, with the compound loss."""
    options = {"output_layers": False}
    _judge_each(
        context, lambda net: net.judge_answer("propagate", net.propagate(**options), **options), compound_only=True
    )


def check_propagate_to_last_layer(context: Context) -> None:
    """``propagate(X, last_layer=name)`` gives the outputs of the layer of that name."""

    def judge(net: NetRun) -> None:
        for name in net.case.row_names:
            net.judge_answer("propagate", net.propagate(last_layer=name), last_layer=name)

    _judge_each(context, judge)


def check_evaluate_shape(context: Context) -> None:
    """``evaluate(X, T)`` gives the losses in a column, (N, 1)."""

    def judge(net: NetRun) -> None:
        reply = net.evaluate()
        context.log.append(Response((reply.value,)))
        shape, losses = (len(net.case.X), 1), as_numbers(reply.value)
        if losses is None:
            raise net.violation(fact("array of shape", shape=shape), no_numbers(reply.value), word_for(reply.value))
        if losses.shape != shape:
            raise net.violation(fact("shape", shape=shape), fact("shape", shape=losses.shape), "wrong-shape")

    _judge_each(context, judge)


def check_evaluate(context: Context) -> None:
    """``evaluate(X, T)`` gives one loss a sample, of what comes before the output layers."""
    _judge_each(context, _judge_losses)


def _judge_losses(net: NetRun) -> None:
    net.judge_losses(net.evaluate())


def check_gradient(context: Context) -> None:
    """``gradient(X, T)`` is the gradient of the mean loss, for every layer that has parameters, under its name."""
    _judge_each(context, _judge_gradient)


def _judge_gradient(net: NetRun) -> None:
    net.judge_gradient(net.reply(net.call("gradient")))


def check_propagate_together(context: Context) -> None:
    """With the submission's own layers, too, ``propagate(X)`` gives the probabilities."""
    _judge_each(context, _judge_probabilities, together=True)


def check_evaluate_together(context: Context) -> None:
    """With the submission's own layers and losses, too, ``evaluate(X, T)`` gives one loss a sample."""
    _judge_each(context, _judge_losses, together=True)


def check_gradient_together(context: Context) -> None:
    """With the submission's own layers and losses, too, ``gradient(X, T)`` is the gradient of the mean loss."""
    _judge_each(context, _judge_gradient, together=True)


def check_gradient_of_own_loss(context: Context) -> None:
    """The gradient is not zero, and by finite differences it is that of the network's own mean loss."""
    for compound in context.losses:
        net = NetRun(context, case_of(context, SHAPES[-2], compound=compound))
        gradient = [part for _, part in net.gradient()]
        if not any(part.any() for part in gradient):
            raise net.violation(fact("gradient not zero"), fact("zeros"))
        context.note_oracle(finite_differences.NAME)
        rng = context.rng("own loss")
        directions = [normal_numbers(rng)(part.shape) for part in gradient]
        slope = finite_differences.directional(
            partial(_mean_losses, net),
            net.case.theta,
            directions,
            within=net.case.kink_free(directions),
            together=True,
        )
        terms = np.concatenate([(part * d).ravel() for part, d in zip(gradient, directions, strict=True)])
        if (
            worst_entry(np.asarray(terms.sum()), slope, np.asarray(tolerances.OWN_LOSS_MARGIN * np.abs(terms).sum()))
            is not None
        ):
            due = fact("slope of evaluate", value=float(slope.value))
            raise net.violation(due, fact("number", value=float(terms.sum())))


def check_training_step(context: Context) -> None:
    """One step of gradient descent gives the parameters due, and the gradient after it is that of the new ones."""
    _judge_training_step(context, cases(context))


def check_training_step_together(context: Context) -> None:
    """With the submission's own layers, too, a step gives the parameters due, and then the gradient of the new ones."""
    _judge_training_step(context, cases(context, together=True))


def _judge_training_step(context: Context, drawn: Iterable[NetCase]) -> None:
    for case in drawn:
        net = NetRun(context, case)
        parts = [part for _, part in net.gradient()]
        net.asked, net.before = "net.gradient(X, T)", _STEP
        gradient = Call("net", "gradient", {"X": case.X, "T": case.T})
        looks = [Get(name, attribute) for name in case.linear for attribute in "Wb"]
        steps = [*case.steps(), gradient, *_updates(case, parts), *looks, gradient]
        *before, again = context.executor.run(steps)
        moved = [array - _ALPHA * part for array, part in zip(case.theta, parts, strict=True)]
        for label, due, old, reply in zip(case.labels, moved, case.theta, before[-len(looks) :], strict=True):
            # The product is rounded, and the sum.
            rounding = tolerances.TRAINING_STEP_ROUNDING * (np.abs(old) + np.abs(due))
            net.judge(reply, Estimate(due, np.zeros(due.shape)), rounding, f"{label} after one step")
        after = replace(case, theta=tuple(moved))
        truth = NetRun(context, after).true_gradient()
        # Twice the bound, since the new parameters were rounded.
        bounds = [tolerances.AFTER_STEP_BOUNDS * bound for bound in after.bounds.gradient]
        try:
            named = net.named_parts(again)
        except Violation as violation:
            # The gradient before the step was answered.
            raise violation.but(mistake="stateful") from None
        for (name, part), gradient_due, bound in zip(named, truth, bounds, strict=True):
            net.judge(Reply(part, "ndarray"), gradient_due, bound, f"gradient of {name} after one step")


def _updates(case: NetCase, parts: Sequence[Array]) -> list[Call]:
    steps = [-_ALPHA * part for part in parts]
    pairs = zip(case.linear, steps[::2], steps[1::2], strict=True)
    return [Call(name, "update_params", {"dtheta": [dW, db]}) for name, dW, db in pairs]


def _mean_losses(net: NetRun, points: list[list[Array]]) -> list[Array]:
    """The mean losses that the network itself gives, with these parameters."""
    moved = [NetRun(net.context, replace(net.case, theta=tuple(theta))) for theta in points]
    call = Call("net", "evaluate", {"X": net.case.X, "T": net.case.T})
    answers = net.context.executor.run_all([*each.case.steps(), call] for each in moved)
    found = []
    for each, replies in zip(moved, answers, strict=True):
        losses = as_numbers(each.last(call, replies).value)
        if losses is None or not losses.size:
            raise each.violation(fact("numbers", what="evaluate(X, T)"), fact("something else"), "wrong-type")
        with np.errstate(over="ignore", invalid="ignore"):
            found.append(np.asarray(losses.mean()))
    return found


def _judge_each(context: Context, judge: Callable[[NetRun], None], **options: bool) -> None:
    """Judge all cases and raise the first violation, which is that of the smallest case."""
    first: Violation | None = None
    for case in cases(context, **options):
        try:
            judge(NetRun(context, case))
        except Violation as violation:
            first = first or violation
    if first is not None:
        raise first


class _OfMethod(Protocol):
    """A check that is made for each method of a network."""

    __name__: str

    def __call__(self, context: Context, method: str) -> None:
        """Raises a `Violation` where the promise is broken."""


def _of_each_method(
    run: _OfMethod, excuses: Mapping[str, tuple[str, ...]], *, needs: str = "values"
) -> Iterator[Check]:
    """The check for each method; ``excuses`` are by method, and ``needs`` is another check of the same method."""
    for method in METHODS:
        name, needed = f"{method}.{_name(run)}", (f"{method}.{needs}",)
        yield _check(partial(run, method=method), name, needs=needed, excuses=excuses[method])


def _called_before(run: _OfMethod) -> dict[str, tuple[str, ...]]:
    """By method: the same check of ``propagate``, which the other methods may call."""
    return {method: () if method == "propagate" else (f"propagate.{_name(run)}",) for method in METHODS}


def _name(run: _OfMethod) -> str:
    return run.__name__.removeprefix("check_")


#: In order of dependency.
CHECKS: tuple[Check, ...] = (
    _check(partial(check_net_answers, method="propagate"), "propagate.answers"),
    _check(check_propagate, "propagate.values", needs=("propagate.answers",)),
    _check(
        check_propagate_without_output_layers,
        "propagate.without_output_layers",
        needs=("propagate.answers",),
        assignments=_COMPOUND,
    ),
    _check(check_propagate_to_last_layer, "propagate.to_last_layer", needs=("propagate.answers",)),
    *(
        _check(partial(check_net_answers, method=method), f"{method}.answers", excuses=_PROPAGATE)
        for method in ("evaluate", "gradient")
    ),
    _check(check_evaluate_shape, "evaluate.types", needs=("evaluate.answers",), excuses=_PROPAGATE),
    _check(check_evaluate, "evaluate.values", needs=("evaluate.answers",), excuses=_PROPAGATE),
    _check(check_gradient, "gradient.values", needs=("gradient.answers",), excuses=_PROPAGATE),
    _check(
        check_gradient_of_own_loss,
        "gradient.of_own_loss",
        needs=("gradient.answers", "evaluate.answers"),
        excuses=(*_PROPAGATE, "evaluate.values"),
    ),
    *_of_each_method(net_uses.check_changes_nothing, _CHANGING, needs="answers"),
    *_of_each_method(net_uses.check_no_state, _STATE),
    *_of_each_method(net_uses.check_in_any_order, _ORDER),
    *(
        each
        for run in (
            net_calls.check_single_precision,
            net_calls.check_layouts,
            net_calls.check_batch_sizes,
            net_calls.check_by_position,
            net_calls.check_other_nets,
        )
        for each in _of_each_method(run, _called_before(run))
    ),
    _check(check_training_step, "gradient.training_step", needs=("gradient.values",)),
    _check(check_propagate_together, "propagate.together", needs=("propagate.values",)),
    _check(check_evaluate_together, "evaluate.together", needs=("evaluate.values",)),
    _check(check_gradient_together, "gradient.together", needs=("gradient.values",)),
    _check(check_training_step_together, "gradient.training_step_together", needs=("gradient.training_step",)),
    _check(check_gradient_of_deep_net, "gradient.of_deep_net", needs=("gradient.values",)),
)
#: Of these, the checks that use the submission's own layers.
TOGETHER = tuple(each.id for each in CHECKS if "together" in each.id or each.id.endswith("of_deep_net"))
