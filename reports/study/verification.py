"""Verifies `bp` for the report: each message on random cases, against the truth and against its own derivative."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp
import reference
from reference.engine import Effort
from reference.lab.cases import Case, Sizes
from reference.lab.check import checks_of
from reference.lab.checks import deep
from reference.lab.contract import MESSAGES, Expected, Message
from reference.numerics.oracles import ball, finite_differences, torch_autograd
from reports.study.bench.gradcheck import bp_net

Array = NDArray[Any]

#: Messages without a sum in which digits may cancel. Of these, errors are given in units in the last place.
_WITHOUT_SUMS = {
    "relu.forward", "relu.delta", "softmax.forward", "cross_entropy.forward", "cross_entropy.delta",
    "compound.forward", "compound.delta",
}  # fmt: skip
#: Where the document has another name for a kind of message than the checks.
_KEYS = {"logits": "compound"}


@dataclass(frozen=True)
class Plan:
    """How much to verify.

    Attributes
    ----------
    cases
        Random cases for each message.
    differences
        How many of these are also compared with finite differences and PyTorch.
    nets
        Random networks.
    effort
        How many cases the examiner draws.
    """

    cases: int
    differences: int
    nets: int
    effort: Effort = "normal"


FULL = Plan(cases=500, differences=20, nets=5)
QUICK = Plan(cases=60, differences=5, nets=2, effort="quick")


def measure(plan: Plan) -> dict[str, Any]:
    """Measure the errors of `bp`, for results.json.

    Returns
    -------
    dict
        ``missing``: why there is nothing else, or None. ``messages``: for each message, by a name such as
        "linear.forward", the number of ``cases``; the largest error in units in the last place of the truth (``ulps``),
        None where digits may cancel; and the largest error as a share of its rounding bound, where the truth comes from
        ball arithmetic (``share``), PyTorch (``share_torch``) and finite differences (``share_differences``).
        ``worst_share``: the largest ``share``. ``examiner``: the result of `reference.check` for `bp`. ``against``: the
        oracles that took part.
    """
    if (reason := ball.available()) is not None:
        return {"missing": reason}
    messages = errors(plan)
    return {
        "missing": None,
        "messages": messages,
        "worst_share": max(each["share"] for each in messages.values()),
        "examiner": _examiner(plan.effort),
        "against": ["ball arithmetic", "finite differences"]
        + (["PyTorch"] if torch_autograd.available() is None else []),
    }


def errors(plan: Plan) -> dict[str, dict[str, Any]]:
    """The errors of each message of `bp`: ``messages`` in the result of `measure`."""
    return {_name(message): _errors_of_message(message, plan) for message in MESSAGES} | {
        "mlp.gradient": _errors_of_nets(plan.nets)
    }


def _name(message: Message) -> str:
    return f"{_KEYS.get(message.key, message.key)}.{message.method}"


def _errors_of_message(message: Message, plan: Plan) -> dict[str, Any]:
    rng = np.random.RandomState(0)
    ulps, shares, by_torch, by_differences = [0.0], [0.0], [0.0], [0.0]
    for number in range(plan.cases):
        sizes = Sizes(*(int(k) for k in (rng.randint(1, 5), rng.randint(1, 6), rng.randint(2, 8))))
        scale = 10.0 ** rng.uniform(-2, 2)
        case = message.draw(sizes, partial(_normal, rng, scale))
        found = _results(message, case)
        expected = message.answer(case, ball)
        shares.append(_share(found, expected))
        if _name(message) in _WITHOUT_SUMS:
            ulps.append(_ulps(found, expected))
        if number < plan.differences:
            if torch_autograd.available() is None:
                by_torch.append(_share(found, message.answer(case, torch_autograd)))
            if message.method != "forward":
                by_differences.append(_against_differences(message, case, found, expected))
    return {
        "cases": plan.cases,
        "ulps": max(ulps) if _name(message) in _WITHOUT_SUMS else None,
        "share": max(shares),
        "share_torch": max(by_torch) if torch_autograd.available() is None else None,
        "share_differences": max(by_differences) if message.method != "forward" else None,
    }


def _normal(rng: np.random.RandomState, scale: float, shape: tuple[int, ...]) -> Array:
    return scale * rng.standard_normal(shape)


def _layer(message: Message, case: Case) -> Any:
    """Our layer or loss, with the parameters of the case."""
    cls = getattr(bp, message.cls)
    if message.cls != "LinearLayer":
        return cls("layer")
    W, b = case.parameters["W"], case.parameters["b"]
    layer = cls(*W.shape, np.random.RandomState(0), "layer")
    layer.W[...], layer.b[...] = W, b
    return layer


def _results(message: Message, case: Case) -> list[Array]:
    found = getattr(_layer(message, case), message.method)(**case.arguments)
    return list(found) if isinstance(found, list) else [found]


def _share(found: list[Array], expected: Expected) -> float:
    """The largest error as a share of the rounding bound plus the oracle's own error; infinite if these are 0."""
    shares = [0.0]
    for one, truth, bound in zip(found, expected.truth, expected.bounds, strict=True):
        off, allowed = np.abs(one - truth.value), bound + truth.error
        with np.errstate(divide="ignore", over="ignore"):
            shares.append(float(np.divide(off, allowed, out=np.zeros_like(off), where=off > 0).max()))
    return max(shares)


def _ulps(found: list[Array], expected: Expected) -> float:
    """The largest error in units in the last place of the truth."""
    (one,), (truth,) = found, expected.truth
    with np.errstate(over="ignore"):  # a number that is far off may overflow here
        return float((np.abs(one - truth.value) / np.spacing(np.abs(truth.value))).max())


def _against_differences(message: Message, case: Case, found: list[Array], expected: Expected) -> float:
    """The share as in `_share`, with finite differences of our own forward pass for the truth.

    It shows that `delta` and `grad` are derivatives of `forward`.
    """
    forward, cotangent, where = _own_forward(message, case)
    estimates = finite_differences.vjp(forward, cotangent, where)
    return _share(found, Expected(estimates, expected.bounds))


def _own_forward(message: Message, case: Case) -> tuple[Callable[..., Array], Array, list[Array]]:
    """A function, a cotangent and arguments: their vector-Jacobian product is what the message must return."""
    layer = _layer(message, case)
    if message.method == "grad":
        X = case.arguments["X"]

        def of_parameters(W: Array, b: Array) -> Array:
            layer.W[...], layer.b[...] = W, b
            outputs: Array = layer.forward(X)
            return outputs

        return of_parameters, case.arguments["delta_next"] / len(X), [case.parameters["W"], case.parameters["b"]]
    if "T" in case.arguments:
        T = case.arguments["T"]
        return lambda X: layer.forward(X, T), np.ones((len(T), 1)), [case.arguments["X"]]
    assert case.origin is not None  # noqa: S101 - a layer's delta has inputs behind its outputs
    return layer.forward, case.arguments["delta_next"], [case.origin]


def _errors_of_nets(number: int) -> dict[str, Any]:
    """The errors of every entry of the gradient, for random networks as deep as MNIST's."""
    shares = []
    for seed in range(number):
        case, bounds = deep.draw(np.random.RandomState(seed))
        parts = bp_net(case).gradient(case.X, case.T).values()
        found = [np.asarray(array) for part in parts for array in part]
        shares.append(_share(found, Expected(tuple(case.true_gradient(ball)), tuple(bounds))))
    entries = sum(array.size for array in case.theta)
    return {"cases": number, "ulps": None, "share": max(shares), "entries": entries}


def _examiner(effort: Effort) -> dict[str, Any]:
    # What `bp check` asks of everybody's code.
    asked = ",".join(each.id for each in checks_of("*", 3))
    findings = reference.check(bp, only=asked, seed=0, effort=effort)
    subjects = Counter(finding.subject.partition(".")[0] for finding in findings)
    return {"passed": sum(finding.status == "passed" for finding in findings), "checks": len(findings)} | {
        "by_class": dict(subjects)
    }
