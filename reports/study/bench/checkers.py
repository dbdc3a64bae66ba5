"""Compares checkers of any function's gradient: their time for ten functions, what they catch, and what they name.

Each function has its right gradient, and one with a mistake of a kind that people make. Checkers that are not installed
are left out, which the note says.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import check_vjp
from reference.numerics.oracles import torch_autograd
from reports.study.bench.tables import Effort, Say, Table
from reports.study.bench.timing import interleaved

Array = NDArray[Any]
#: How often each is timed.
_ROUNDS: dict[Effort, int] = {"quick": 2, "normal": 7, "exhaustive": 25}


@dataclass(frozen=True)
class Function:
    """A function, its right gradient, a wrong one, and arguments."""

    name: str
    forward: Callable[..., Array]
    vjp: Callable[..., tuple[Array, ...]]
    wrong: Callable[..., tuple[Array, ...]]
    args: tuple[Array, ...]


def run(effort: Effort, say: Say) -> list[Table]:
    """Measure times, and what is caught and named, for each checker that is installed."""
    functions = ten_functions()
    rows = []
    for name, check in _checkers().items():
        say(f"checkers: {name}")
        rows.append(_row(name, check, functions, _ROUNDS[effort]))
    others = {
        "torch": torch_autograd.available() is None,
        **{each: _has(each) for each in ("scipy", "autograd", "jax")},
    }
    absent = [each for each, there in others.items() if not there]
    title = f"Checkers of {len(functions)} functions of numpy, with a right and a wrong gradient each"
    note = "ms: processor time for all right gradients together. named: the finding says which mistake it is."
    return [Table(title, rows, note=note + (f" Not installed here: {', '.join(absent)}." if absent else ""))]


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


#: From a function and a gradient to whether it passes, and the mistake that is named.
Check = Callable[[Function, Callable[..., tuple[Array, ...]]], tuple[bool, str | None]]


def _checkers() -> dict[str, Check]:
    found: dict[str, Check] = {
        "check_vjp, quick": lambda each, vjp: _by_findings(each, vjp, "quick"),
        "check_vjp, normal": lambda each, vjp: _by_findings(each, vjp, "normal"),
    }
    if torch_autograd.available() is None:
        found["torch gradcheck"] = lambda each, vjp: (_by_gradcheck(each, vjp), None)
    if _has("scipy"):
        found["scipy check_grad"] = lambda each, vjp: (_by_scipy(each, vjp), None)
    if _has("autograd"):
        found["autograd check_grads"] = lambda each, vjp: (_by_autograd(each, vjp), None)
    if _has("jax"):
        found["jax check_grads"] = lambda each, vjp: (_by_jax(each, vjp), None)
    return found


def _row(name: str, check: Check, functions: list[Function], rounds: int) -> dict[str, Any]:
    def all_right() -> None:
        for each in functions:
            check(each, each.vjp)

    times = interleaved({name: all_right}, rounds, clock=time.process_time)
    right = [check(each, each.vjp)[0] for each in functions]
    wrong = [check(each, each.wrong) for each in functions]
    return {
        "checker": name,
        "ms": 1e3 * times.median(name),
        "right ones passed": sum(right),
        "wrong ones caught": sum(not passed for passed, _ in wrong),
        "named": sum(word is not None for _, word in wrong),
    }


def _by_findings(each: Function, vjp: Callable[..., tuple[Array, ...]], effort: Effort) -> tuple[bool, str | None]:
    findings = check_vjp(each.forward, vjp, *each.args, effort=effort)
    return findings.ok, findings.failed[0].mistake if findings.failed else None


def _by_gradcheck(each: Function, vjp: Callable[..., tuple[Array, ...]]) -> bool:
    return torch_autograd.gradcheck_numpy(each.forward, vjp, each.args)


def _by_scipy(each: Function, vjp: Callable[..., tuple[Array, ...]]) -> bool:
    """With random weights of the outputs, and the tolerance of numpy's ``allclose``: scipy gives only a distance."""
    optimize: Any = importlib.import_module("scipy.optimize")
    weights = np.random.RandomState(0).randn(*np.shape(each.forward(*each.args)))
    sizes = np.cumsum([array.size for array in each.args])[:-1]

    def arrays(x: Array) -> list[Array]:
        return [part.reshape(like.shape) for part, like in zip(np.split(x, sizes), each.args, strict=True)]

    def loss(x: Array) -> float:
        return float((weights * each.forward(*arrays(x))).sum())

    def gradient(x: Array) -> Array:
        return np.concatenate([np.ravel(part) for part in vjp(weights, *arrays(x))])

    start = np.concatenate([np.ravel(array) for array in each.args])
    largest = float(np.abs(gradient(start)).max())
    return bool(optimize.check_grad(loss, gradient, start) <= 1e-5 * max(largest, 1.0))


def _by_autograd(each: Function, vjp: Callable[..., tuple[Array, ...]]) -> bool:
    """In reverse mode alone, with the tolerances that it has."""
    extend: Any = importlib.import_module("autograd.extend")
    test_util: Any = importlib.import_module("autograd.test_util")
    traced = extend.primitive(each.forward)
    places = range(len(each.args))
    rules = [lambda _, *args, place=place: lambda c: vjp(c, *args)[place] for place in places]
    extend.defvjp(traced, *rules, argnums=places)
    try:
        test_util.check_grads(traced, modes=["rev"], order=1)(*each.args)
    except AssertionError:
        return False
    return True


def _by_jax(each: Function, vjp: Callable[..., tuple[Array, ...]]) -> bool:
    """In double precision and reverse mode alone, with the tolerances that it has; numpy is called back."""
    jax: Any = importlib.import_module("jax")
    test_util: Any = importlib.import_module("jax.test_util")

    def like(arrays: Any) -> Any:
        return jax.tree.map(lambda array: jax.ShapeDtypeStruct(np.shape(array), np.float64), arrays)

    def called(function: Callable[..., Any], due: Any, *args: Array) -> Any:
        return jax.pure_callback(lambda *given: function(*map(np.asarray, given)), like(due), *args)

    output = each.forward(*each.args)
    traced = jax.custom_vjp(lambda *args: called(each.forward, output, *args))
    traced.defvjp(
        lambda *args: (called(each.forward, output, *args), args),
        lambda args, c: called(lambda *given: tuple(vjp(*given)), tuple(each.args), c, *args),
    )
    with jax.enable_x64(True):
        try:
            test_util.check_grads(traced, each.args, order=1, modes=["rev"])
        except AssertionError:
            return False
    return True


def _logistic(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _softmax_vjp(c: Array, x: Array, rest: float = 1.0) -> tuple[Array, ...]:
    p = _softmax(x)
    return (p * (c - rest * (c * p).sum(axis=1, keepdims=True)),)


def _log_sum_exp(x: Array) -> Array:
    return np.asarray(x.max(axis=1) + np.log(np.exp(x - x.max(axis=1, keepdims=True)).sum(axis=1)))


def _layer_norm(x: Array) -> Array:
    return np.asarray((x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-3))


def _layer_norm_vjp(c: Array, x: Array, part: float = 1.0) -> tuple[Array, ...]:
    h = _layer_norm(x)
    centred = c - c.mean(1, keepdims=True) - part * h * (c * h).mean(1, keepdims=True)
    return (centred / np.sqrt(x.var(1, keepdims=True) + 1e-3),)


def ten_functions() -> list[Function]:
    """The functions, each with its right gradient and a wrong one."""
    rng = np.random.RandomState(0)
    x, w, b, s = rng.randn(6, 5), rng.randn(5, 3), rng.randn(3), rng.randn(5, 5)
    return [
        Function(
            "tanh", np.tanh, lambda c, x: (c * (1 - np.tanh(x) ** 2),), lambda c, x: (c * (1 - np.tanh(x)),), (x,)
        ),
        Function(
            "logistic",
            _logistic,
            lambda c, x: (c * _logistic(x) * (1 - _logistic(x)),),
            lambda c, x: (c * x * (1 - x),),
            (x,),
        ),
        Function("relu", lambda x: np.maximum(x, 0), lambda c, x: (c * (x > 0),), lambda c, x: (c * (c > 0),), (x,)),
        Function("exp", np.exp, lambda c, x: (c * np.exp(x),), lambda c, x: (1.0 * c,), (x,)),
        Function("softmax", _softmax, _softmax_vjp, lambda c, x: _softmax_vjp(c, x, 0.0), (x,)),
        Function(
            "log-sum-exp",
            _log_sum_exp,
            lambda c, x: (c[:, None] * _softmax(x),),
            lambda c, x: (c[:, None] * np.exp(x),),
            (x,),
        ),
        Function(
            "affine",
            lambda x, w, b: x @ w + b,
            lambda c, x, w, b: (c @ w.T, x.T @ c, c.sum(0)),
            lambda c, x, w, b: (c @ w.T, x.T @ c, c.mean(0)),
            (x, w, b),
        ),
        Function("product", np.multiply, lambda c, x, y: (c * y, c * x), lambda c, x, y: (c * x, c * y), (x, x + 1)),
        Function("layer norm", _layer_norm, _layer_norm_vjp, lambda c, x: _layer_norm_vjp(c, x, 0.0), (x,)),
        Function(
            "residual",
            lambda x, s: x + np.tanh(x @ s),
            lambda c, x, s: (c + (c * (1 - np.tanh(x @ s) ** 2)) @ s.T, x.T @ (c * (1 - np.tanh(x @ s) ** 2))),
            lambda c, x, s: ((c * (1 - np.tanh(x @ s) ** 2)) @ s.T, x.T @ (c * (1 - np.tanh(x @ s) ** 2))),
            (x, s),
        ),
    ]
