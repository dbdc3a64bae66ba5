"""What was checked of `bp`: each message against the truth, on random cases, and its own derivative."""

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
from reference.lab.checks import deep
from reference.lab.contract import MESSAGES, Case, Expected, Message, Sizes
from reference.numerics.oracles import ball, finite_differences, torch_autograd
from reports.study.bench.gradcheck import bp_net

Array = NDArray[Any]

#: Messages without a sum that may cancel, so that units in the last place are a fair measure.
_WITHOUT_SUMS = {
    "relu.forward", "relu.delta", "softmax.forward", "cross_entropy.forward", "cross_entropy.delta",
    "compound.forward", "compound.delta",
}  # fmt: skip
#: How the document calls the classes of messages.
_KEYS = {"logits": "compound"}


@dataclass(frozen=True)
class Plan:
    """Random cases for each message, as many of them also against differences, and nets."""

    cases: int
    differences: int
    nets: int


FULL = Plan(cases=500, differences=20, nets=5)
QUICK = Plan(cases=60, differences=5, nets=2)


def measure(plan: Plan) -> dict[str, Any]:
    """For results.json.

    Returns
    -------
    dict
        ``missing``: why nothing else is there, or None. ``messages``: for each, by a name like "linear.forward", the
        number of ``cases``; the largest distance from the double nearest to the truth, in units in its last place
        (``ulps``), None where sums may cancel; and the largest error as a share of what rounding is granted, against
        ball arithmetic, PyTorch and differences. ``worst_share``: of the first. ``examiner``: what `reference.check`
        says of all of `bp`. ``against``: the oracles that took part.
    """
    if (reason := ball.available()) is not None:
        return {"missing": reason}
    messages = errors(plan)
    return {
        "missing": None,
        "messages": messages,
        "worst_share": max(each["share"] for each in messages.values()),
        "examiner": _examiner(),
        "against": ["ball arithmetic", "finite differences"]
        + (["PyTorch"] if torch_autograd.available() is None else []),
    }


def errors(plan: Plan) -> dict[str, dict[str, Any]]:
    """How far each message of `bp` is from the truth: ``messages`` of `measure`."""
    return {_name(message): _message(message, plan) for message in MESSAGES} | {"mlp.gradient": _nets(plan.nets)}


def _name(message: Message) -> str:
    return f"{_KEYS.get(message.key, message.key)}.{message.method}"


def _message(message: Message, plan: Plan) -> dict[str, Any]:
    rng = np.random.RandomState(0)
    ulps, shares, by_torch, by_differences = [0.0], [0.0], [0.0], [0.0]
    for number in range(plan.cases):
        sizes = Sizes(*(int(k) for k in (rng.randint(1, 5), rng.randint(1, 6), rng.randint(2, 8))))
        scale = 10.0 ** rng.uniform(-2, 2)
        case = message.draw(sizes, partial(_normal, rng, scale))
        found = _answers(message, case)
        answer = message.answer(case, ball)
        shares.append(_share(found, answer))
        if _name(message) in _WITHOUT_SUMS:
            ulps.append(_ulps(found, answer))
        if number < plan.differences:
            if torch_autograd.available() is None:
                by_torch.append(_share(found, message.answer(case, torch_autograd)))
            if message.method != "forward":
                by_differences.append(_against_differences(message, case, found, answer))
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
    """Ours, as the question has it."""
    cls = getattr(bp, message.cls)
    if message.cls != "LinearLayer":
        return cls("layer")
    W, b = case.parameters["W"], case.parameters["b"]
    layer = cls(*W.shape, np.random.RandomState(0), "layer")
    layer.W[...], layer.b[...] = W, b
    return layer


def _answers(message: Message, case: Case) -> list[Array]:
    found = getattr(_layer(message, case), message.method)(**case.arguments)
    return list(found) if isinstance(found, list) else [found]


def _share(found: list[Array], answer: Expected) -> float:
    """The largest error over what is granted: the bound on rounding, and the oracle's own error; infinite of 0."""
    shares = [0.0]
    for one, truth, bound in zip(found, answer.truth, answer.bounds, strict=True):
        off, granted = np.abs(one - truth.value), bound + truth.error
        with np.errstate(divide="ignore", over="ignore"):
            shares.append(float(np.divide(off, granted, out=np.zeros_like(off), where=off > 0).max()))
    return max(shares)


def _ulps(found: list[Array], answer: Expected) -> float:
    (one,), (truth,) = found, answer.truth
    with np.errstate(over="ignore"):  # of what is far off
        return float((np.abs(one - truth.value) / np.spacing(np.abs(truth.value))).max())


def _against_differences(message: Message, case: Case, found: list[Array], answer: Expected) -> float:
    """The error against differences of our own forward pass: whether `delta` and `grad` are its derivatives at all."""
    forward, cotangent, where = _own_forward(message, case)
    estimates = finite_differences.vjp(forward, cotangent, where)
    return _share(found, Expected(estimates, answer.bounds))


def _own_forward(message: Message, case: Case) -> tuple[Callable[..., Array], Array, list[Array]]:
    """A function, a cotangent and arguments whose gradient is the message's answer."""
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


def _nets(number: int) -> dict[str, Any]:
    """The gradient of nets as deep as MNIST's, every entry."""
    shares = []
    for seed in range(number):
        question, bounds = deep.draw(np.random.RandomState(seed))
        parts = bp_net(question).gradient(question.X, question.T).values()
        found = [np.asarray(array) for part in parts for array in part]
        shares.append(_share(found, Expected(tuple(question.true_gradient(ball)), tuple(bounds))))
    entries = sum(array.size for array in question.theta)
    return {"cases": number, "ulps": None, "share": max(shares), "entries": entries}


def _examiner() -> dict[str, Any]:
    findings = reference.check(bp, seed=0)
    subjects = Counter(finding.subject.partition(".")[0] for finding in findings)
    return {"passed": sum(finding.status == "passed" for finding in findings), "checks": len(findings)} | {
        "by_class": dict(subjects)
    }
