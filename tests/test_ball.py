"""Ball arithmetic encloses the truth: against rational numbers, decimals of 60 digits, closed forms and PyTorch."""

from __future__ import annotations

import decimal
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import reference
from reference.lab import definitions
from reference.lab.contract import MESSAGES, one_hot
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball, torch_autograd
from tests import honest
from tests.comparing import needs_flint, needs_torch
from tests.nets import hidden
from tests.strategies import LARGEST, arrays, sizes

Array = NDArray[np.float64]
Exact = Fraction | Decimal

ANY = st.floats(-LARGEST, LARGEST)
MODERATE = st.floats(-1e100, 1e100)
LOGITS = st.one_of(st.floats(-5, 5), st.floats(-800, 800), st.sampled_from([0.0, 745.0, -745.0, 1e4, -1e4]))


def encloses(estimate: Estimate, truth: Sequence[Exact]) -> bool:
    """Whether each true value, known to many more digits, lies within the estimate's error."""
    kind = type(truth[0])
    pairs = zip(estimate.value.flat, estimate.error.flat, truth, strict=True)
    return all(error == np.inf or abs(kind(float(value)) - true) <= kind(float(error)) for value, error, true in pairs)


def sharp(estimate: Estimate) -> bool:
    """Whether each entry is known to within about one unit in the last place of a double."""
    return bool((estimate.error <= 2.0**-51 * np.abs(estimate.value) + 2.0**-1073).all())


@pytest.fixture
def digits() -> Any:
    """A context for decimals with 60 digits and unlimited exponents."""
    context = decimal.Context(prec=60, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
    with decimal.localcontext(context):
        yield


def decimals(X: Array) -> list[list[Decimal]]:
    return [[Decimal(float(x)) for x in row] for row in X]


def softmax_of(x: Sequence[Decimal]) -> list[Decimal]:
    e = [(each - max(x)).exp() for each in x]
    return [each / sum(e) for each in e]


# Exact numbers


@needs_flint
@given(st.data())
def test_products_and_sums_of_any_numbers(data: st.DataObject) -> None:
    """X W + b encloses the value in rational numbers, from subnormal to huge, also with cancellation."""
    n, d, u = data.draw(sizes(3))
    X, W, b = (data.draw(arrays(*shape, elements=MODERATE)) for shape in ((n, d), (d, u), (u,)))
    found = ball.value(definitions.linear, (X, W, b))
    truth = [
        sum((Fraction(x) * Fraction(w) for x, w in zip(row, column, strict=True)), Fraction(bias))
        for row in X
        for column, bias in zip(W.T, b, strict=True)
    ]
    assert found.value.shape == (n, u)
    assert encloses(found, truth)
    assert sharp(found)


@needs_flint
@given(st.data())
def test_gradient_of_products(data: st.DataObject) -> None:
    """The gradient of X W + b encloses C W^T, X^T C and the sums of C in rational numbers."""
    n, d, u = data.draw(sizes(3))
    shapes = (n, d), (d, u), (u,), (n, u)
    X, W, b, C = (data.draw(arrays(*shape, elements=MODERATE)) for shape in shapes)
    found = ball.vjp(definitions.linear, C, (X, W, b))

    def product(A: Array, B: Array) -> list[Fraction]:
        return [
            sum((Fraction(x) * Fraction(y) for x, y in zip(row, column, strict=True)), Fraction(0))
            for row in A
            for column in B.T
        ]

    truths = product(C, W.T), product(X.T, C), product(np.ones((1, n)), C)
    for estimate, argument, truth in zip(found, (X, W, b), truths, strict=True):
        assert estimate.value.shape == argument.shape
        assert encloses(estimate, truth)


@needs_flint
@pytest.mark.parametrize("x", [0.0, 5e-324, -5e-324, 2.0**-1022, 1.0, -0.1, 1e300, LARGEST, -LARGEST])
def test_numbers_go_in_and_out_unchanged(x: float) -> None:
    """Every double is represented exactly, subnormal and huge ones included."""
    assert ball.value(lambda X: X + 0, (np.array([[x]]),)).value.tolist() == [[x]]


@needs_flint
def test_what_is_beyond_all_doubles_is_infinite() -> None:
    """A value beyond all doubles is infinite without error; one nearer to 0 than all doubles is 0 with an error."""
    X = np.array([[LARGEST, -LARGEST, 5e-324]])
    huge = ball.value(lambda X: X * 4, (X,))
    assert huge.value[0, :2].tolist() == [np.inf, -np.inf]
    assert huge.error[0, :2].tolist() == [0, 0]
    small = ball.value(lambda X: X * 0.25, (X,))
    assert small.value[0, 2] == 0
    assert 0 < small.error[0, 2] <= 2 * 5e-324
    assert ball.value(lambda X: X - X, (X,)).error.tolist() == [[0, 0, 0]]


@needs_flint
def test_cancellation_raises_the_precision() -> None:
    """1e300 + 1 - 1e300 and 1e300 + 1e-300 - 1e300 are right in every digit."""
    for small in (1.0, 1e-300):
        found = ball.value(lambda X: X.sum(dim=1, keepdim=True), (np.array([[1e300, small, -1e300]]),))
        assert found.value.tolist() == [[small]]
        assert sharp(found)


# Transcendental functions


Function = Callable[[Any], Any]
CLOSED_FORMS: dict[str, tuple[Function, Function, Function, st.SearchStrategy[float]]] = {
    "exp": (lambda x: x.exp(), lambda x: x.exp(), lambda x: x.exp(), st.floats(-760, 709)),
    "log": (lambda x: x.log(), lambda x: x.ln(), lambda x: 1 / x, st.floats(5e-324, LARGEST)),
    "tanh": (
        lambda x: x.tanh(),
        lambda x: 1 - 2 / ((2 * x).exp() + 1),
        lambda x: 4 / ((x).exp() + (-x).exp()) ** 2,
        st.floats(-30, 30).filter(lambda x: x == 0 or abs(x) > 1e-15),
    ),
    "cube": (lambda x: x * x * x, lambda x: x**3, lambda x: 3 * x**2, st.floats(-1e50, 1e50)),
    "reciprocal": (lambda x: x / (x * x), lambda x: 1 / x, lambda x: -1 / x**2, st.floats(1e-9, 1e9)),
}


@needs_flint
@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_functions_and_their_slopes(name: str) -> None:
    """Each function and its derivative agree with decimals of 60 digits, also where they are subnormal or 0."""
    f, value, slope, points = CLOSED_FORMS[name]

    @given(points)
    def check(x: float) -> None:
        X = np.array([[x]])
        found, (derivative,) = ball.value(f, (X,)), ball.vjp(f, np.ones((1, 1)), (X,))
        assert encloses(found, [value(Decimal(x))])
        true = slope(Decimal(x))
        assume(abs(true) < Decimal(LARGEST))
        assert encloses(derivative, [true])
        assert sharp(derivative)

    check()


@needs_flint
@pytest.mark.usefixtures("digits")
def test_softmax_and_its_product_with_a_cotangent() -> None:
    """Softmax and its vector-Jacobian product agree with the closed form in 60 digits."""

    @given(st.data())
    def check(data: st.DataObject) -> None:
        n, k = data.draw(sizes(2))
        X, C = data.draw(arrays(n, k, elements=LOGITS)), data.draw(arrays(n, k))
        P = [softmax_of(row) for row in decimals(X)]
        truth = []
        for p, d in zip(P, decimals(C), strict=True):
            mean = sum(a * b for a, b in zip(p, d, strict=True))
            truth += [a * (b - mean) for a, b in zip(p, d, strict=True)]
        found = ball.value(definitions.softmax, (X,))
        assert encloses(found, [p for row in P for p in row])
        assert sharp(found)
        # If d - <d, p> cancels to less than 1e-40, sixty digits are not exact enough to compare with.
        (gradient,) = ball.vjp(definitions.softmax, C, (X,))
        slack = Estimate(gradient.value, gradient.error + 1e-40)
        assert encloses(slack, truth)

    check()


@needs_flint
@pytest.mark.usefixtures("digits")
def test_cross_entropy_of_logits_and_its_gradient() -> None:
    """The loss and its gradient agree with the closed form in 60 digits, also for surely right samples."""

    @given(st.data())
    def check(data: st.DataObject) -> None:
        k = data.draw(st.integers(1, 4))
        X, label = data.draw(arrays(1, k, elements=LOGITS)), data.draw(st.integers(0, k - 1))
        T = one_hot(np.array([label]), k)
        (x,), t = decimals(X), [Decimal(float(each)) for each in T[0]]
        others = sum((each - x[label]).exp() for i, each in enumerate(x) if i != label)
        # log(1 + r) = r - r^2 / 2 + ... where 1 + r has no more digits of r.
        loss = (1 + others).ln() if others > Decimal("1e-25") else others - others * others / 2
        p = softmax_of(x)
        found = ball.value(lambda X: definitions.cross_entropy_of_logits(X, T), (X,))
        (gradient,) = ball.vjp(lambda X: definitions.cross_entropy_of_logits(X, T), np.ones((1, 1)), (X,))
        truth = [a - b for a, b in zip(p, t, strict=True)]
        truth[label] = -others / (1 + others)
        assert encloses(found, [Decimal(loss)])
        assert encloses(gradient, truth)
        assert sharp(found)
        assert sharp(gradient)

    check()


@needs_flint
@needs_torch
@given(st.data())
def test_nets_agree_with_pytorch(data: st.DataObject) -> None:
    """Losses and gradients of a net agree with PyTorch within the errors that both state."""
    n, d, u, k = data.draw(sizes(4))
    shapes = (d, u), (u,), (u, k), (k,)
    theta = [data.draw(arrays(*shape)) for shape in shapes]
    X = data.draw(arrays(n, d)) + 1 / 64  # not at a kink, where each may answer otherwise
    theta[1] = theta[1] + 1 / 256
    assume((np.abs(X @ theta[0] + theta[1]) > 1e-6).all())
    T = one_hot(np.arange(n) % k, k)

    def mean_loss(*theta: Any) -> Any:
        return definitions.cross_entropy_of_logits(hidden(theta[0].new_tensor(X), theta), T).mean()

    ours, theirs = (oracle.vjp(mean_loss, np.array(1.0), theta) for oracle in (ball, torch_autograd))
    for one, other in zip(ours, theirs, strict=True):
        # PyTorch's error is an estimate: single precision does not show what cancels.
        allowed = one.error + other.error + 1e-13
        assert (np.abs(one.value - other.value) <= allowed).all()


# Kinks


@needs_flint
@given(st.data())
def test_relu_and_its_kink(data: st.DataObject) -> None:
    """ReLU is exact on either side of 0; at 0 the enclosure is the interval between the two slopes."""
    X = data.draw(arrays(2, 3, elements=st.one_of(st.just(0.0), ANY, st.sampled_from([5e-324, -5e-324]))))
    C = data.draw(arrays(2, 3))
    assert ball.value(definitions.relu, (X,)).value.tolist() == np.maximum(X, 0).tolist()
    (found,) = ball.vjp(definitions.relu, C, (X,))
    away = X != 0
    assert (found.value[away] == (C * (X > 0))[away]).all()
    assert (found.error[away] <= 2.0**-51 * np.abs(C[away])).all()
    low, high = found.value - found.error, found.value + found.error
    assert (low <= np.minimum(C, 0))[~away].all()
    assert (high >= np.maximum(C, 0))[~away].all()
    assert (found.error <= 0.51 * np.abs(C)).all()


@needs_flint
def test_a_kink_deep_in_a_net_widens_only_what_passes_through_it() -> None:
    """A unit at exactly 0 widens its own gradient and no other unit's."""
    X, W, b, V = np.array([[1.0, 2.0]]), np.array([[2.0, 1.0], [-1.0, 1.0]]), np.zeros(2), np.array([[1.0], [1.0]])
    (_, dW, db, _) = ball.vjp(
        lambda X, W, b, V: definitions.relu(definitions.linear(X, W, b)) @ V, np.ones((1, 1)), (X, W, b, V)
    )
    assert db.error[0] >= 0.5
    assert db.error[1] < 1e-15
    assert (dW.value[:, 1] == [1, 2]).all()
    assert (dW.error[:, 0] >= [0.5, 1.0]).all()


# Arguments that do not fit


@needs_flint
def test_bad_questions_are_refused() -> None:
    """Shapes that do not fit and operations that balls lack raise exceptions."""
    X = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"cotangent: expected the shape of the output, \(2, 3\), got \(3, 2\)"):
        ball.vjp(lambda X: X * 2, np.ones((3, 2)), (X,))
    with pytest.raises(ValueError, match="broadcast"):
        ball.value(lambda X, Y: X + Y, (X, np.ones((2, 2))))
    with pytest.raises(ValueError, match="incompatible"):
        ball.value(lambda X, Y: X @ Y, (X, X))
    with pytest.raises(TypeError, match="expected keepdim=True"):
        ball.value(lambda X: X.sum(dim=1), (X,))
    with pytest.raises(TypeError, match="expected a detached matrix"):
        ball.vjp(lambda X: X - X.amax(dim=1, keepdim=True), X, (X,))


@needs_flint
def test_what_nothing_depends_on_has_no_gradient() -> None:
    """An argument that does not enter, or is detached, has a gradient of exact zeros in its shape."""
    _, unused = ball.vjp(lambda x, y: x * 2, np.ones((1, 2)), (np.ones((1, 2)), np.ones(3)))
    assert unused.value.tolist() == unused.error.tolist() == [0, 0, 0]
    (constant,) = ball.vjp(lambda x: x.detach() * 2, np.ones((1, 2)), (np.ones((1, 2)),))
    assert constant.value.tolist() == constant.error.tolist() == [[0, 0]]


@needs_flint
def test_numbers_that_are_none() -> None:
    """A NaN or the logarithm of a negative number has an infinite error."""
    found = ball.value(lambda X: X.log(), (np.array([[-1.0, 1.0]]),))
    assert found.error[0, 0] == np.inf
    assert found.value[0, 1] == 0
    assert ball.value(lambda X: X + 1, (np.array([[np.nan]]),)).error.tolist() == [[np.inf]]


@needs_flint
def test_infinity_is_the_nearest_double_to_what_is_beyond_all() -> None:
    """Of that sign: it is no unit off. No other number that is none is near to anything."""
    where, answers = np.array([[1000.0] * 4 + [1.0]]), np.array([[np.inf, -np.inf, np.nan, 1e308, np.inf]])
    found = ball.ulps(lambda X: X.exp(), (where,), answers).value[0]
    assert found[0] == 0
    assert found[1] == found[2] == found[4] == np.inf
    assert found[3] > 1


@needs_flint
def test_precision_is_put_back() -> None:
    """The precision of flint's context is restored, also after an exception."""
    import flint  # noqa: PLC0415 - optional

    before = flint.ctx.prec
    ball.value(lambda X: X.sum(dim=1, keepdim=True), (np.array([[1e300, 1.0, -1e300]]),))
    with pytest.raises(TypeError):
        ball.value(lambda X: X.sum(dim=1), (np.ones((1, 1)),))
    assert flint.ctx.prec == before


# Without python-flint


def test_absent_flint_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without flint ``available`` gives the reason, and checks that need it are skipped for that reason."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "flint" else find_spec(name))
    assert "python-flint is not installed" in str(ball.available())
    findings = reference.check(honest.PLAIN, effort="quick")
    values = {f"{message.key}.{message.method}.values" for message in MESSAGES}
    skipped = {finding.check: str(finding.actual) for finding in findings if finding.status == "skipped"}
    assert values <= set(skipped)
    # A check that depends on others gives as its reason that these have not passed.
    assert any("python-flint is not installed" in reason for reason in skipped.values())
    assert {finding.status for finding in findings} <= {"passed", "skipped"}


def test_flint_is_imported_only_when_it_is_used() -> None:
    """The module can be imported without flint."""
    code = "import sys, reference; sys.exit('flint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@needs_flint
def test_a_number_that_may_be_0_has_either_value_of_relu() -> None:
    """Its ball is stretched to 0; what is certain stays as narrow as it was."""
    import flint  # noqa: PLC0415 - optional

    numbers = [flint.arb(0, 1), flint.arb(3, 1), flint.arb(-3, 1)]
    either, on, off = ball.Balls(flint.arb_mat(1, 3, numbers), (1, 3)).relu().matrix.entries()
    assert either.contains(flint.arb(1))
    assert either.contains(flint.arb(0))
    assert (on.mid(), on.rad()) == (numbers[1].mid(), numbers[1].rad())
    assert off.is_zero()


@needs_flint
def test_few_bits_are_enough_for_ordinary_numbers() -> None:
    """A definition is run once where that is precise enough."""
    calls: list[int] = []

    def square(x: Any) -> Any:
        calls.append(1)
        return x * x

    ball.value(square, (np.array([[0.5, 3.0]]),))
    ball.vjp(square, np.ones((1, 2)), (np.array([[0.5, 3.0]]),))
    assert len(calls) == 2
