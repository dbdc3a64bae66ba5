"""`check_vjp` passes right gradients, names what is wrong with wrong ones, and never guesses."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference import definitions
from reference.findings import Finding
from reference.vjp import allowance, check_vjp
from reference.vjp.differences import Differences, contracted
from reference.vjp.questions import cotangents, questions
from reference.vjp.usage import EVERYWHERE, Effort, pattern
from tests.comparing import needs_flint, needs_torch
from tests.gradients import LABELS, POSITIVE, RIGHT, cross_entropy, cross_entropy_vjp, drawn, softmax, softmax_vjp
from tests.kept import assert_same
from tests.strategies import arrays
from tests.words import assert_kept

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X = drawn(3, 4)

#: Judged over 20 seeds; the others over one for each kind of specification.
OFTEN = (
    "tanh", "tanh by cosh", "logistic", "softmax", "sine", "cube of a number", "matrix product", "square root",
    "logarithm", "division", "absolute value", "ReLU, 0 at 0", "ReLU, 1 at 0", "maximum", "exponential",
)  # fmt: skip


_heard: list[Finding] = []


@pytest.fixture(autouse=True)
def words_are_kept(request: pytest.FixtureRequest) -> Iterator[None]:
    """What is said in a test of wrong functions is what was said before; random draws apart."""
    _heard.clear()
    yield
    if any(each.status == "failed" for each in _heard) and not hasattr(request.function, "hypothesis"):
        assert_kept("gradients", request.node.name, _heard)


def failed(findings: list[Finding]) -> dict[str, str | None]:
    """Ids of the checks that failed, with the mistakes named; there are no faults of the examiner."""
    _heard.extend(findings)
    assert not [finding for finding in findings if finding.status == "error"], findings
    return {finding.check: finding.mistake for finding in findings if finding.status == "failed"}


def finding(findings: list[Finding], check: str) -> Finding:
    found = next(each for each in findings if each.check == check)
    _heard.append(found)
    return found


@pytest.mark.parametrize("name", RIGHT)
def test_right_functions_pass(name: str) -> None:
    """Whoever is right is never blamed: whatever the seed, with a specification of either kind or none."""
    right = RIGHT[name]
    torch_or_none = None if "not installed" in str(needs_torch.kwargs["reason"]) else right.tensors
    specs = (None, right.arrays or right.forward, torch_or_none, torch_or_none)
    for seed in range(20 if name in OFTEN else 3):
        spec = specs[seed % 4]
        found = check_vjp(
            right.forward, right.vjp, *right.args, spec=spec, domain=right.domain, seed=seed, effort="quick"
        )
        assert not failed(found), (seed, failed(found))
        values = "consistent" if spec is None else "values"
        assert finding(found, f"vjp.gradient[0].{values}").status == "passed"


@pytest.mark.parametrize("name", ["tanh", "softmax", "layer norm", "ReLU, 0 at 0", "matrix product", "division"])
def test_right_functions_pass_in_single_precision(name: str) -> None:
    """Where the pattern is single precision, that is what is granted and what is due."""
    right = RIGHT[name]
    args = [np.asarray(array, dtype=np.float32) for array in right.args]
    for spec in (None, right.forward):
        assert not failed(check_vjp(right.forward, right.vjp, *args, spec=spec, effort="quick"))
    found = check_vjp(right.forward, lambda c, *a: tuple(map(np.float64, right.vjp(c, *a))), *args, effort="quick")
    assert failed(found)["vjp.gradient[0].types"] == "wrong-dtype"


@needs_flint
def test_definitions_on_balls_are_specifications() -> None:
    """Those of the lab, and an accurate gradient is not blamed for what torch loses in 1 - tanh^2."""
    assert not failed(check_vjp(softmax, softmax_vjp, X, spec=definitions.softmax))
    assert not failed(check_vjp(np.tanh, lambda c, x: (c / np.cosh(x) ** 2,), X, spec=lambda x: x.tanh()))


def changed(change: Callable[[Array, Array], Array]) -> Callable[..., tuple[Array]]:
    """The gradient of softmax with a mistake: ``change`` gets it and the input."""
    return lambda c, x: (change(softmax_vjp(c, x)[0], x),)


def one_entry(gradient: Array, _: Array) -> Array:
    gradient[1, 2] *= 1 + 1e-6
    return gradient


WRONG_GRADIENTS: dict[str, tuple[Callable[..., Any], str | None]] = {
    "one entry by 1e-6": (changed(one_entry), None),
    "zeros": (changed(lambda g, x: 0 * g), None),
    "sign": (changed(lambda g, x: -g), "sign"),
    "factor": (changed(lambda g, x: g / len(x)), "scaled"),
    "diagonal only": (lambda c, x: (c * softmax(x) * (1 - softmax(x)),), None),
    "single precision inside": (changed(lambda g, x: g.astype(np.float32).astype(float)), None),
    "zero where sure": (changed(lambda g, x: g * (softmax(x).max(axis=1, keepdims=True) < 0.99)), None),
    "wrong beyond 20 alone": (changed(lambda g, x: np.where(np.abs(x) > 20, 2 * g, g)), None),
}


@pytest.mark.parametrize("with_spec", [False, True])
@pytest.mark.parametrize("name", WRONG_GRADIENTS)
def test_wrong_gradients_fail_on_their_values_alone(name: str, with_spec: bool) -> None:
    """Small, rare or plausible as they may be; a factor is named where it explains everything."""
    vjp, mistake = WRONG_GRADIENTS[name]
    effort: Effort = "normal" if name in {"zero where sure", "wrong beyond 20 alone"} else "quick"
    found = check_vjp(softmax, vjp, X, spec=softmax if with_spec else None, effort=effort)
    due = "vjp.gradient[0].values" if with_spec else "vjp.gradient[0].consistent"
    # Rounding to single precision, and a gradient that is, are not linear in the cotangent either.
    assert {check: m for check, m in failed(found).items() if check != "vjp.gradient.linear"} == {due: mistake}
    assert "vjp.gradient.linear" not in failed(found) or name == "single precision inside"


@needs_torch
def test_epsilon_in_a_denominator() -> None:
    """Seen if the specification has none, and named entry by entry."""

    def vjp(c: Array, x: Array) -> tuple[Array]:
        return (c / (x + 1e-8),)

    found = check_vjp(np.log, vjp, np.array([0.5, 2.0]), spec=lambda x: x.log(), domain=[POSITIVE])
    assert failed(found) == {"vjp.gradient[0].values": None}


def test_wrong_forward_does_not_blame_the_vjp() -> None:
    """Wrong values, a wrong shape, an exception: with a specification all are the forward pass's alone."""
    wrong: dict[str, tuple[Callable[..., Any], str | None]] = {
        "vjp.forward.values": (lambda x: softmax(x) * (1 + 1e-9), None),
        "vjp.forward.types": (lambda x: softmax(x).ravel(), "wrong-shape"),
        "vjp.forward.answers": (lambda x: x @ x, "crash"),
    }
    for check, (forward, mistake) in wrong.items():
        found = check_vjp(forward, softmax_vjp, X, spec=softmax, effort="quick")
        assert failed(found) == {check: mistake}, [str(each) for each in found]


def test_naive_softmax_overflows_against_a_specification() -> None:
    """An input at which the specification is finite is inside the contract."""

    def naive(x: Array) -> Array:
        return np.asarray(np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))

    assert failed(check_vjp(naive, softmax_vjp, X, spec=softmax)) == {"vjp.forward.values": None}
    assert not failed(check_vjp(naive, softmax_vjp, X))


_SHARED = np.zeros(X.shape)


def keeps_answer(c: Array, x: Array) -> tuple[Array]:
    _SHARED[...] = softmax_vjp(c, x)[0]
    return (_SHARED,)


class Remembers:
    """A vjp that relies on the last forward pass."""

    def forward(self, x: Array) -> Array:
        self.p = softmax(x)
        return self.p.copy()

    def vjp(self, c: Array, x: Array) -> tuple[Array]:
        return (self.p * (c - (c * self.p).sum(axis=1, keepdims=True)),)


def writes_into_cotangent(c: Array, x: Array) -> tuple[Array]:
    c *= 1 - np.tanh(x) ** 2
    return (c.copy(),)


def reads_memory(c: Array, x: Array) -> tuple[Array]:
    return (c * (1 - np.tanh(np.ravel(x, order="K").reshape(x.shape)) ** 2),)


_RNG = np.random.RandomState(0)


def noisy(c: Array, x: Array) -> tuple[Array]:
    return (c * (1 - np.tanh(x) ** 2) + 1e-13 * _RNG.randn(*x.shape),)


def tanh_vjp(c: Array, x: Array) -> tuple[Array]:
    return (c * (1 - np.tanh(x) ** 2),)


def clipped(c: Array, x: Array) -> tuple[Array]:
    return (np.clip(c, -1e6, 1e6) * (1 - np.tanh(x) ** 2),)


def writes_into_argument(x: Array) -> Array:
    x -= 0
    x[...] = np.tanh(x)
    return x.copy()


REMEMBERS = Remembers()
WRONG_FORMS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, str | None]]] = {
    "remembers": (REMEMBERS.forward, REMEMBERS.vjp, {"vjp.gradient.no_state": "stateful"}),
    "keeps its answer": (softmax, keeps_answer, {"vjp.gradient.result_is_its_own": "stateful"}),
    "view of the cotangent": (lambda x: x * 1, lambda c, x: (c,), {"vjp.gradient.result_is_its_own": "aliases-input"}),
    "view of the argument": (lambda x: x[:], lambda c, x: (c * 1,), {"vjp.forward.result_is_its_own": "aliases-input"}),
    "writes into the cotangent": (
        np.tanh,
        writes_into_cotangent,
        {"vjp.gradient.inputs_unchanged": "mutates-input", "vjp.gradient.layouts": "mutates-input"},
    ),
    "writes into the argument": (
        writes_into_argument,
        tanh_vjp,
        {"vjp.forward.inputs_unchanged": "mutates-input", "vjp.forward.layouts": "mutates-input"},
    ),
    "reads memory": (np.tanh, reads_memory, {"vjp.gradient.layouts": "layout-dependent"}),
    "noisy": (np.tanh, noisy, {"vjp.gradient.no_state": "nondeterministic"}),
    "clipped": (np.tanh, clipped, {"vjp.gradient.linear": None}),
    "bare array": (np.tanh, lambda c, x: tanh_vjp(c, x)[0], {"vjp.gradient.answers": "wrong-type"}),
    "two gradients": (np.tanh, lambda c, x: tanh_vjp(c, x) * 2, {"vjp.gradient.answers": "wrong-type"}),
    "no gradient": (np.tanh, lambda c, x: (None,), {"vjp.gradient.answers": "wrong-type"}),
    "transposed": (np.tanh, lambda c, x: (tanh_vjp(c, x)[0].T,), {"vjp.gradient[0].types": "wrong-shape"}),
    "raises": (np.tanh, lambda c, x: (c @ x,), {"vjp.gradient.answers": "crash"}),
    "exits": (np.tanh, lambda c, x: sys.exit(3), {"vjp.gradient.answers": "exits"}),
    "list": (lambda x: np.tanh(x).tolist(), tanh_vjp, {"vjp.forward.answers": "wrong-type"}),
    "integers": (lambda x: np.sign(x).astype(int), lambda c, x: (0 * c,), {"vjp.forward.types": "wrong-dtype"}),
}


@pytest.mark.parametrize("name", WRONG_FORMS)
def test_wrong_forms_fail_on_their_check_alone(name: str) -> None:
    """Each promise beside the values has a mistake that breaks it and no other."""
    forward, vjp, due = WRONG_FORMS[name]
    assert failed(check_vjp(forward, vjp, X, effort="quick")) == due


def test_two_gradients_may_not_share_memory() -> None:
    """Whoever accumulates in one of them changes the other."""
    found = check_vjp(np.add, lambda c, x, y: (c * 1,) * 1 + (c * 1,), X, X, effort="quick")
    assert not failed(found)

    def shared(c: Array, x: Array, y: Array) -> tuple[Array, Array]:
        same = c * 1
        return same, same

    found = check_vjp(np.add, shared, X, X, effort="quick")
    assert failed(found) == {"vjp.gradient.result_is_its_own": None}
    assert finding(found, "vjp.gradient.result_is_its_own").actual == "two gradients that share memory"


@pytest.mark.parametrize("with_spec", [False, pytest.param(True, marks=needs_torch)])
@pytest.mark.parametrize(("slope", "legal"), [(0.0, True), (0.5, True), (1.0, True), (2.0, False), (-0.25, False)])
def test_kinks(with_spec: bool, slope: float, legal: bool) -> None:
    """At a kink every number between the two slopes is an answer, and no other."""

    def vjp(c: Array, x: Array) -> tuple[Array]:
        return (c * np.where(x == 0, slope, x > 0),)

    spec = (lambda x: x.clamp(min=0)) if with_spec else None
    found = check_vjp(lambda x: np.maximum(x, 0), vjp, np.array([[0.0, 1.0]]), spec=spec)
    assert bool(failed(found)) is not legal
    if not legal:
        check = "vjp.gradient[0].values" if with_spec else "vjp.gradient[0].consistent"
        assert "0" in str(finding(found, check).expected)


def test_whole_numbers_have_no_gradient() -> None:
    """They are passed on as given; None and zeros are right, anything else is not."""
    args = (drawn(4, 3), LABELS)
    assert not failed(check_vjp(cross_entropy, cross_entropy_vjp, *args, effort="quick"))
    zeros = check_vjp(cross_entropy, lambda c, x, t: (cross_entropy_vjp(c, x, t)[0], 0 * t), *args, effort="quick")
    assert not failed(zeros)
    ones = check_vjp(cross_entropy, lambda c, x, t: (cross_entropy_vjp(c, x, t)[0], t * 1), *args, effort="quick")
    assert failed(ones) == {"vjp.gradient[1].types": None}


def test_what_cannot_be_judged_is_skipped() -> None:
    """With the reason; never passed."""
    nowhere = check_vjp(lambda x: x * np.nan, lambda c, x: (c,), X, effort="quick")
    assert finding(nowhere, "vjp.gradient[0].consistent").status == "skipped"
    assert "judged nothing" in str(finding(nowhere, "vjp.gradient[0].consistent").actual)
    assert "judged nothing" in str(finding(nowhere, "vjp.gradient.linear").actual)
    outside = check_vjp(np.tanh, tanh_vjp, X, spec=lambda x: x * np.nan, effort="quick")
    assert finding(outside, "vjp.forward.values").status == finding(outside, "vjp.gradient[0].values").status
    assert finding(outside, "vjp.gradient[0].values").status == "skipped"
    wild = check_vjp(lambda x: np.tanh(1e9 * x), lambda c, x: (c * 5,), np.zeros(2), effort="quick")
    assert finding(wild, "vjp.gradient[0].consistent").status == "failed"  # where it is flat
    assert finding(check_vjp(np.tanh, tanh_vjp, X), "vjp.forward.values").status == "skipped"


def test_exceptions_at_drawn_inputs() -> None:
    """A function that refuses arguments needs a domain; one that overflows has no finite value there."""

    def root(x: Array) -> Array:
        if (x <= 0).any():
            raise ValueError("x must be positive")
        return np.sqrt(x)

    def vjp(c: Array, x: Array) -> tuple[Array]:
        return (c / (2 * root(x)),)

    args = (np.array([0.5, 2.0]),)
    assert not failed(check_vjp(root, vjp, *args, domain=[POSITIVE]))
    refused = finding(check_vjp(root, vjp, *args), "vjp.forward.answers")
    assert (refused.status, refused.mistake) == ("failed", "crash")
    assert refused.expected == "forward to answer, or a domain that says which arguments are legal"
    assert refused.actual == "ValueError: x must be positive"

    def strict(x: Array) -> Array:
        with np.errstate(over="raise"):
            return np.exp(x)

    assert not failed(check_vjp(strict, lambda c, x: (c * np.exp(x),), X))


def test_a_failure_can_be_understood() -> None:
    """What was promised, expected and got, where, for which input, and what to think about."""

    def sign_lost(c: Array, x: Array) -> tuple[Array]:
        return (-c * np.cos(x),)

    found = check_vjp(np.sin, sign_lost, np.array([[0.0, 1.0]]))
    wrong = finding(found, "vjp.gradient[0].consistent")
    assert wrong.subject == "test_a_failure_can_be_understood.<locals>.sign_lost".rpartition("<locals>.")[2]
    assert wrong.rationale == "The gradient is the derivative of the given forward pass, as its values tell it."
    assert wrong.expected is not None
    assert wrong.expected.startswith("gradient[0][0, ")
    assert str(wrong.actual).endswith("; every entry at every input is -1 times the right one")
    assert (wrong.mistake, wrong.hint) == ("sign", "Follow the minus signs through the derivation.")
    assert wrong.counterexample["args[0]"] == [[0.0, 1.0]]
    assert wrong.index is not None
    assert wrong.bound is not None
    assert 0 < wrong.bound < 1e-9
    bare = finding(check_vjp(np.sin, lambda c, x: c * np.cos(x), X), "vjp.gradient.answers")
    assert bare.expected == "a tuple of 1 gradient, one for each argument"
    assert bare.actual == "an array of shape (3, 4), not in a tuple"
    later = finding(check_vjp(np.sin, lambda c, x: c * np.cos(x), X), "vjp.gradient.linear")
    assert (later.status, later.actual) == (
        "skipped",
        "depends on vjp.gradient.answers, vjp.gradient[0].types, vjp.gradient.no_state, which did not pass",
    )


BAD_USE: dict[str, tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "forward": ((3, tanh_vjp, X), {}, TypeError, "forward: expected a function, got int"),
    "vjp": ((np.tanh, "vjp", X), {}, TypeError, "vjp: expected a function, got str"),
    "spec": ((np.tanh, tanh_vjp, X), {"spec": 3}, TypeError, "spec: expected a function, got int"),
    "no arguments": ((np.tanh, tanh_vjp), {}, ValueError, "expected at least one argument"),
    "strings": ((np.tanh, tanh_vjp, ["a"]), {}, TypeError, r"args\[0\]: expected an array of float64, .* <U1"),
    "objects": ((np.tanh, tanh_vjp, None), {}, TypeError, r"args\[0\]: expected .* NoneType of dtype object"),
    "ragged": ((np.tanh, tanh_vjp, [[1.0], [1.0, 2.0]]), {}, TypeError, r"args\[0\]: expected an array of real"),
    "complex": ((np.tanh, tanh_vjp, [1j]), {}, TypeError, "complex128"),
    "whole numbers": ((np.tanh, tanh_vjp, [1, 2]), {}, ValueError, "at least one of floating point"),
    "not finite": ((np.tanh, tanh_vjp, [np.inf]), {}, ValueError, r"args\[0\]: expected finite numbers, got inf"),
    "domain too long": ((np.tanh, tanh_vjp, X), {"domain": [None, None]}, ValueError, "one entry for each of the 1"),
    "domain upside down": ((np.tanh, tanh_vjp, X), {"domain": [(1, 0)]}, ValueError, r"low < high, got \(1.0, 0.0\)"),
    "domain of words": ((np.tanh, tanh_vjp, X), {"domain": ["positive"]}, TypeError, r"domain\[0\]: expected None or"),
    "domain no sequence": ((np.tanh, tanh_vjp, X), {"domain": 5}, TypeError, "domain: expected a sequence"),
    "outside": ((np.tanh, tanh_vjp, [0.5]), {"domain": [(1, 2)]}, ValueError, r"open interval \(1.0, 2.0\), got 0.5"),
    "effort": ((np.tanh, tanh_vjp, X), {"effort": "hard"}, ValueError, "quick, normal, exhaustive, got 'hard'"),
    "seed": ((np.tanh, tanh_vjp, X), {"seed": 1.5}, TypeError, "seed: expected a whole number, got float"),
    "option": ((np.tanh, tanh_vjp, X), {"tol": 1}, TypeError, "unknown option tol"),
    "spec fails": ((np.tanh, tanh_vjp, X), {"spec": lambda x: 1 / 0}, ValueError, "fails on both .*ZeroDivision"),
}


@pytest.mark.parametrize("name", BAD_USE)
def test_bad_use_is_refused(name: str) -> None:
    """With what was expected and what came."""
    args, options, error, message = BAD_USE[name]
    with pytest.raises(error, match=message) as caught:
        check_vjp(*args, **options)
    if name not in {"ragged", "spec fails"}:  # numpy's words and PyTorch's are passed on
        assert_same("words", "bad use", name, str(caught.value))


@needs_torch
def test_ambiguous_specifications_are_refused() -> None:
    """torch's std divides by n - 1, numpy's by n."""
    with pytest.raises(ValueError, match="spec: expected a function with one meaning") as caught:
        check_vjp(lambda x: x.std(axis=0), lambda c, x: (x,), X, spec=lambda x: x.std(axis=0))
    assert_same("words", "bad use", "ambiguous", str(caught.value))


@given(st.integers(0, 2**31), st.sampled_from([EVERYWHERE, POSITIVE, (-1.0, 0.0), (-np.inf, 3.0), (0.1, 0.1000001)]))
@settings(max_examples=20)
def test_questions_stay_in_their_domain(seed: int, interval: tuple[float, float]) -> None:
    """Strictly, in either precision, and always finite."""
    low, high = interval
    for dtype in (np.float64, np.float32):
        middle = np.array([0.1000000500 if low == 0.1 else -0.5 if low < 0 else 0.5], dtype)
        for question in questions(pattern((middle,), [interval]), seed, "normal"):
            assert question.args[0].dtype == dtype
            assert np.isfinite(question.args[0]).all()
            assert ((low < question.args[0]) & (question.args[0] < high)).all()


@given(st.integers(0, 2**31), st.lists(st.integers(1, 3), max_size=3))
@settings(max_examples=20)
def test_cotangents_are_never_constant(seed: int, shape: list[int]) -> None:
    """Nor 0 anywhere, nor 1 where there is only one."""
    question = questions(pattern((X,), None), seed, "quick")[0]
    for cotangent in cotangents(question, tuple(shape), np.float64, "exhaustive"):
        assert (cotangent != 0).all()
        assert cotangent.size == 1 or np.ptp(cotangent) > 0
        assert cotangent.size > 1 or cotangent.flat[0] != 1


@given(st.data())
@settings(max_examples=20)
def test_rounding_is_granted_where_it_happens(data: st.DataObject) -> None:
    """The error of 1 - tanh^2 is within its bound, and the bound is no larger than rounding can be."""
    x = data.draw(arrays(4, elements=st.floats(-15, 15)))
    answer = 1 - np.tanh(x) ** 2
    (bound,) = allowance.granted(lambda a: (1 - np.tanh(a) ** 2,), [x], [answer], [1 / np.maximum(1, np.abs(x))])
    truth = 1 / np.cosh(x.astype(np.longdouble)) ** 2
    assert (np.abs(answer - truth) <= bound).all()
    assert (bound <= 1e-14).all()


def test_differences_are_sharp_or_silent() -> None:
    """A function that the steps cannot follow has no derivative here; a kink has all slopes between two."""
    for function, x in ((np.sin, 1e15), (lambda t: np.tanh(1e9 * t), 0.0), (np.sqrt, 0.0)):
        with np.errstate(invalid="ignore"):
            assert Differences(function, (EVERYWHERE,)).column([np.array([x])], 0, (0,)).error[0] == np.inf
    column = Differences(np.abs, (EVERYWHERE,)).column([np.zeros(1)], 0, (0,))
    assert column.value[0] - column.error[0] == pytest.approx(-1)
    assert column.value[0] + column.error[0] == pytest.approx(1)
    assert contracted(np.zeros(1), column).error == 0


def test_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The right layer passes, the wrong one is shown."""
    runpy.run_path(str(Path(__file__).parents[1] / "examples" / "tanh_layer.py"))
    right, wrong, *shown = capsys.readouterr().out.splitlines()
    assert right == "tanh_delta: 14 promises kept"
    assert wrong == "tanh_delta_without_square: 13 promises kept"
    assert "vjp.gradient[0].consistent" in shown[0]
