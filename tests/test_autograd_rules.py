"""`check_vjp` on the rules of the package autograd, which other people wrote: no right one is blamed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from reference import check_vjp

pytestmark = pytest.mark.measure

#: Rules of autograd 1.9.1 that are at fault: NaN at a zero or far out, an exception where there is a gradient.
AT_FAULT = frozenset({
    "np.sinc(x)", "np.hypot(x, y)", "np.std(x)", "np.std(x, axis=0)", "np.std(x, axis=1, ddof=1)",
    "np.prod(x, axis=1)", "np.gradient(x, axis=1)", "np.linalg.norm(x)", "np.linalg.norm(x, axis=1)",
    "np.linalg.norm(x, ord=3, axis=1)", "np.linalg.det(x)", "np.linalg.svd(x, full_matrices=False)[1]",
    "special.gammainc(2.5, x)", "special.ive(2, x)", "stats.gamma.cdf(x, 2.5)",
})  # fmt: skip

X, Y = np.array([[0.3, -0.7, 1.2], [0.9, -1.1, 0.4]]), np.array([[1.3, 0.6, -0.5], [-0.8, 0.35, 1.7]])
V, W = np.array([0.6, -1.4, 0.25, 1.9]), np.array([1.1, 0.7, -0.45])
S = np.array([[1.3, 0.2, -0.4], [0.5, -1.1, 0.3], [-0.2, 0.6, 0.9]])
ANY: tuple[float | None, float | None] = (None, None)


class Rule(NamedTuple):
    """A call of numpy or scipy whose gradient autograd knows.

    Attributes
    ----------
    call
        With the names np, special, linalg and stats, of the arguments x, y and z.
    args
        What is given.
    domain
        Of each argument.
    torch
        The same call of torch, where there is one.
    """

    call: str
    args: tuple[Any, ...]
    domain: tuple[tuple[float | None, float | None], ...] | None = None
    torch: str | None = None


def _elementwise() -> list[Rule]:
    positive, unit, above = (0.0, None), (-1.0, 1.0), (1.0, None)
    plain = "negative absolute exp exp2 expm1 sin cos tan arctan sinh cosh tanh arcsinh square rad2deg deg2rad sinc"
    rules = [Rule(f"np.{name}(x)", (X,), None, f"torch.{name}(x)") for name in plain.split()]
    rules += [
        Rule(f"np.{name}(x)", (X,)) for name in ["abs", "fabs", "degrees", "radians", "nan_to_num", "real", "conjugate"]
    ]
    rules += [
        Rule(f"np.{name}(x)", (np.abs(X),), (positive,), f"torch.{name}(x)")
        for name in ["log", "log2", "log10", "sqrt", "reciprocal"]
    ]
    rules += [Rule("np.log1p(x)", (np.abs(X),), ((-1.0, None),), "torch.log1p(x)")]
    rules += [Rule(f"np.{name}(x)", (X / 2,), (unit,), f"torch.{name}(x)") for name in ["arcsin", "arccos", "arctanh"]]
    rules += [Rule("np.arccosh(x)", (1.5 + np.abs(X),), (above,), "torch.arccosh(x)")]
    two = "add subtract multiply maximum minimum fmax fmin logaddexp logaddexp2 arctan2 hypot"
    rules += [Rule(f"np.{name}(x, y)", (X, Y), None, f"torch.{name}(x, y)") for name in two.split()]
    rules += [
        Rule("np.divide(x, y)", (X, np.abs(Y)), (ANY, positive), "x / y"),
        Rule("np.power(x, y)", (np.abs(X), Y), (positive, ANY), "x ** y"),
        Rule("x ** 3", (X,), None, "x ** 3"),
        Rule("np.remainder(x, y)", (X, np.abs(Y)), ((-9.0, 9.0), (0.1, 5.0))),
        Rule("np.where(x > y, x, y * y)", (X, Y), None, "torch.where(x > y, x, y * y)"),
        Rule("np.clip(x, -0.5, 0.75)", (X,), None, "torch.clip(x, -0.5, 0.75)"),
        Rule("np.add(x, y)", (X, W), None, "x + y"),
        Rule("np.multiply(x, y)", (X, W[:1]), None, "x * y"),
    ]
    return rules


def _reductions() -> list[Rule]:
    calls = [
        "sum(x)", "sum(x, axis=0)", "sum(x, axis=1, keepdims=True)", "mean(x)", "mean(x, axis=1)", "var(x)",
        "var(x, axis=0)", "var(x, axis=1, ddof=1)", "std(x)", "std(x, axis=0)", "std(x, axis=1, ddof=1)", "prod(x)",
        "prod(x, axis=1)", "max(x)", "max(x, axis=1)", "min(x)", "min(x, axis=0, keepdims=True)", "amax(x, axis=0)",
        "amin(x, axis=1)", "cumsum(x)", "cumsum(x, axis=1)", "diff(x)", "diff(x, axis=0)", "gradient(x, axis=1)",
        "trace(x)", "linalg.norm(x)", "linalg.norm(x, axis=1)",
        "linalg.norm(x, ord=3, axis=1)", "linalg.norm(x, ord='nuc')",
    ]  # fmt: skip
    same = {"sum(x)", "mean(x)", "prod(x)", "max(x)", "min(x)", "linalg.norm(x)"}
    return [Rule(f"np.{each}", (X,), None, f"torch.{each}" if each in same else None) for each in calls]


def _shapes() -> list[Rule]:
    calls = [
        "reshape(x, (3, 2))", "ravel(x)", "transpose(x)", "swapaxes(x, 0, 1)", "moveaxis(x, 0, 1)", "rollaxis(x, 1)",
        "expand_dims(x, 1)", "squeeze(x[None])", "repeat(x, 2)", "repeat(x, 3, axis=1)", "tile(x, (2, 2))",
        "roll(x, 1)", "roll(x, -2, axis=1)", "rot90(x)", "flipud(x)", "fliplr(x)", "tril(x)", "triu(x)",
        "pad(x, ((1, 2), (0, 1)), mode='constant')", "concatenate((x, 2 * x), axis=1)",
        "stack((x, x * x))", "sort(x[0])", "partition(x[1], 1)", "broadcast_to(x[:1], (4, 3))",
        "atleast_3d(x)", "array([x, x * x])", "array_split(x, 2, axis=1)[0]", "split(x, 3, axis=1)[2]",
        "vsplit(x, 2)[1]", "hsplit(x, 3)[0]", "full((2, 3), x[0, 1])", "diag(x[0])",
    ]  # fmt: skip
    rules = [Rule(f"np.{each}", (X,)) for each in calls]
    rules += [Rule(each, (X,)) for each in ("x[1]", "x[:, ::2]", "x[[0, 1, 0]]", "x[..., 1]")]
    return [*rules, Rule("np.linspace(x, y, 5)", (np.array(0.3), np.array(1.9)))]


def _products() -> list[Rule]:
    pairs = [
        ("outer(x, y)", V, W), ("inner(x, y)", X, Y), ("dot(x, y)", X, S), ("dot(x, y)", V, V[::-1].copy()),
        ("dot(x, y)", X, W), ("matmul(x, y)", X, S), ("matmul(x, y)", np.stack([X, Y]), S), ("kron(x, y)", X, S[:2]),
        ("tensordot(x, y, axes=1)", X, S), ("tensordot(x, y, axes=([0], [0]))", X, Y),
        ("einsum('ij,jk->ik', x, y)", X, S), ("einsum('ij,kj->i', x, y)", X, Y), ("cross(x, y)", X, Y),
    ]  # fmt: skip
    torch = {"matmul(x, y)", "outer(x, y)", "kron(x, y)", "inner(x, y)"}
    return [Rule(f"np.{call}", (a, b), None, f"torch.{call}" if call in torch else None) for call, a, b in pairs]


def _linear_algebra() -> list[Rule]:
    symmetric = "(x + x.T)"
    definite = "(np.dot(x, x.T) + np.eye(3))"
    calls = [
        "np.linalg.inv(x)", "np.linalg.det(x)", "np.linalg.slogdet(x)[1]", "np.linalg.pinv(x)",
        "np.diagonal(x, 0, -1, -2)", f"np.linalg.cholesky({definite})", f"np.linalg.eigh({symmetric})[0]",
        "np.linalg.svd(x, full_matrices=False)[1]",
        f"linalg.sqrtm({definite})",
    ]  # fmt: skip
    torch = {"np.linalg.inv(x)", "np.linalg.det(x)", "np.linalg.slogdet(x)[1]"}
    rules = [Rule(call, (S,), None, call.replace("np", "torch") if call in torch else None) for call in calls]
    rules += [
        Rule("np.linalg.solve(x, y)", (S, W), None, "torch.linalg.solve(x, y)"),
        Rule("np.linalg.solve(x, y)", (S, S.T.copy()), None, "torch.linalg.solve(x, y)"),
        Rule("linalg.solve_triangular(np.triu(x) + 3 * np.eye(3), y)", (S, W), ((-2.0, 2.0), ANY)),
        Rule("linalg.solve_sylvester(x + 4 * np.eye(3), y + 4 * np.eye(3), z)", (S, S.T.copy(), S), ((-2.0, 2.0),) * 3),
    ]
    return rules


def _special() -> list[Rule]:
    positive = (0.0, None)
    rules = [
        Rule(f"special.{name}(x)", (X,), None, f"torch.special.{name}(x)" if name in {"erf", "erfc", "expit"} else None)
        for name in ["erf", "erfc", "expit", "j0", "j1", "i0", "i1"]
    ]
    rules += [
        Rule(f"special.{name}(x)", (np.abs(X),), (positive,), torch)
        for name, torch in (
            ("gammaln", "torch.lgamma(x)"), ("psi", "torch.digamma(x)"), ("gamma", None), ("rgamma", None),
            ("y0", None), ("y1", None), ("digamma", "torch.digamma(x)"),
        )
    ]  # fmt: skip
    rules += [
        Rule("special.polygamma(1, x)", (np.abs(X),), (positive,)),
        Rule("special.erfinv(x)", (X / 2,), ((-1.0, 1.0),), "torch.erfinv(x)"),
        Rule("special.erfcinv(x)", (np.abs(X),), ((0.0, 2.0),)),
        Rule("special.logit(x)", (np.abs(X) / 2,), ((0.0, 1.0),), "torch.logit(x)"),
        Rule("special.beta(x, y)", (np.abs(X), np.abs(Y)), (positive, positive)),
        Rule("special.betaln(x, y)", (np.abs(X), np.abs(Y)), (positive, positive)),
        Rule("special.gammainc(2.5, x)", (np.abs(X),), (positive,)),
        Rule("special.gammaincc(2.5, x)", (np.abs(X),), (positive,)),
        Rule("special.iv(2, x)", (X,), ((-30.0, 30.0),)),
        Rule("special.ive(2, x)", (X,), ((-30.0, 30.0),)),
        Rule("special.logsumexp(x)", (X,), None, "torch.logsumexp(x, (0, 1))"),
        Rule("special.logsumexp(x, axis=1)", (X,), None, "torch.logsumexp(x, 1)"),
        Rule("special.multigammaln(x, 2)", (3 + np.abs(V),), ((0.5, None),)),
    ]
    return rules


def _transforms() -> list[Rule]:
    calls = [f"np.real(np.fft.{name}(x))" for name in ("fft", "ifft", "fft2", "ifft2", "fftn", "ifftn")]
    return [
        *(Rule(each, (X,)) for each in calls),
        Rule("np.abs(np.fft.fft(x)) ** 2", (X,)),
        Rule("np.real(np.fft.rfft(x))", (S[:2, :2],)),
        Rule("np.fft.fftshift(x)", (X,)),
        Rule("np.fft.ifftshift(x)", (X,)),
        Rule("np.imag(np.fft.fft(x))", (X,)),
    ]


def _distributions() -> list[Rule]:
    positive = (0.0, None)
    rules = [
        Rule(f"stats.norm.{name}(x, y, z)", (V, V[::-1].copy(), np.abs(V)), ((-5.0, 5.0), (-5.0, 5.0), (0.2, 5.0)))
        for name in ["pdf", "cdf", "logpdf", "logcdf", "sf", "logsf"]
    ]
    rules += [
        Rule("stats.chi2.logpdf(x, 3)", (np.abs(V),), (positive,)),
        Rule("stats.gamma.logpdf(x, y)", (np.abs(V), np.abs(V) + 0.5), (positive, positive)),
        Rule("stats.gamma.cdf(x, 2.5)", (np.abs(V),), (positive,)),
        Rule("stats.beta.logpdf(x, y, z)", (np.abs(V) / 3, np.abs(V), np.abs(V)), ((0.0, 1.0), positive, positive)),
        Rule("stats.t.logpdf(x, y, 0.5, 1.5)", (V, np.abs(V)), (ANY, positive)),
        Rule("stats.poisson.logpmf(3, x)", (np.abs(V),), (positive,)),
        Rule("stats.dirichlet.logpdf(np.array([0.2, 0.5, 0.3]), x)", (np.abs(W),), (positive,)),
        Rule("stats.multivariate_normal.logpdf(x, y, 2.0 * np.eye(3))", (W, W[::-1].copy())),
    ]
    return rules


def rules() -> list[Rule]:
    """All of them, by kind."""
    kinds = (
        _elementwise, _reductions, _shapes, _products, _linear_algebra, _special, _transforms, _distributions,
    )  # fmt: skip
    return [rule for kind in kinds for rule in kind()]


def compiled(call: str, names: dict[str, Any], count: int) -> Callable[..., Any]:
    """The call as a function of its first arguments."""
    return eval(f"lambda {', '.join('xyz'[:count])}: {call}", names)  # noqa: S307 - the calls of this file


def judged(rule: Rule, *, defined: bool) -> list[str]:
    """What fails of one rule."""
    autograd = pytest.importorskip("autograd")
    count = len(rule.args)
    forward = compiled(rule.call, _names("numpy", "scipy"), count)
    traced = compiled(rule.call, _names("autograd.numpy", "autograd.scipy"), count)

    def vjp(g: Any, *args: Any) -> tuple[Any, ...]:
        back, _ = autograd.make_vjp(traced, tuple(range(count)))(*args)
        return tuple(back(g))

    options: dict[str, Any] = {} if rule.domain is None else {"domain": list(rule.domain)}
    if defined:
        options["spec"] = compiled(rule.torch or "", {"torch": pytest.importorskip("torch")}, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_vjp(forward, vjp, *rule.args, **options)
    return [
        f"{each.check}: expected {each.expected}, got {each.actual}" for each in found if each.status == "failed"
    ] + [each.check for each in found if each.status == "error"]


def _names(array: str, package: str) -> dict[str, Any]:
    parts = {name: pytest.importorskip(f"{package}.{name}") for name in ("special", "linalg", "stats")}
    return {"np": pytest.importorskip(array), **parts}


@pytest.mark.parametrize("defined", [False, True], ids=["alone", "against torch"])
def test_the_rules_of_autograd(defined: bool) -> None:
    """Those at fault fail and no other; prints how many were asked and what fails."""
    asked = [rule for rule in rules() if rule.torch or not defined]
    failed = {rule.call: found for rule in asked if (found := judged(rule, defined=defined))}
    print(f"{len(asked)} rules asked, {len(failed)} fail")  # noqa: T201 - a measurement
    for call, found in failed.items():
        print(f"  {call}: {found[0]}")  # noqa: T201 - a measurement
    assert set(failed) == {rule.call for rule in asked} & AT_FAULT
