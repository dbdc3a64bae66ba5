"""Linear, ReLU and softmax layers: their messages against two oracles, and what else they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bp
from reference.numerics.oracles import finite_differences, torch_autograd
from tests.comparing import assert_within, gamma, needs_torch
from tests.memory import peak_of
from tests.strategies import EXTREME, LARGEST, NON_ZERO, SHORT, Array, arrays, few_examples, layouts, sizes

SOFTMAXES = [bp.NaiveSoftmaxLayer, bp.SoftmaxLayer]


def linear(W: Array, b: Array) -> bp.LinearLayer:
    layer = bp.LinearLayer(*W.shape, np.random.RandomState(0), "Linear")
    layer.W[:], layer.b[:] = W, b
    return layer


@st.composite
def linear_questions(draw: st.DrawFn) -> tuple[bp.LinearLayer, Array, Array]:
    """A layer, inputs (N, D), and a cotangent (N, U)."""
    n, d, u = draw(sizes(3))
    layer = linear(draw(arrays(d, u)), draw(arrays(u)))
    return layer, draw(arrays(n, d)), draw(arrays(n, u, elements=NON_ZERO))


@given(linear_questions())
def test_linear_forward_is_x_w_plus_b(question: tuple[bp.LinearLayer, Array, Array]) -> None:
    """``forward`` is X W + b, entry by entry, summed in exact arithmetic."""
    layer, X, _ = question
    exact = [
        [sum(x * w for x, w in zip(row, column, strict=True)) + b for column, b in zip(layer.W.T, layer.b, strict=True)]
        for row in X
    ]
    assert np.array_equal(layer.forward(X), np.array(exact))  # multiples of 1/64: no rounding in any order


@few_examples
@given(linear_questions())
def test_linear_messages_are_derivatives_of_forward(question: tuple[bp.LinearLayer, Array, Array]) -> None:
    """``delta`` and N times ``grad`` are the vector-Jacobian products of ``forward`` with any cotangent."""
    layer, X, cotangent = question
    moved = linear(layer.W, layer.b)

    def forward(X: Array, W: Array, b: Array) -> Array:
        moved.W[:], moved.b[:] = W, b
        return moved.forward(X)

    dX, dW, db = finite_differences.vjp(forward, cotangent, (X, layer.W, layer.b))
    assert_within(layer.delta(layer.forward(X), cotangent), dX)
    for found, expected in zip(layer.grad(X, cotangent), (dW, db), strict=True):
        assert_within(len(X) * found, expected, gamma(2) * np.abs(expected.value))


@needs_torch
@given(linear_questions())
def test_linear_messages_agree_with_torch(question: tuple[bp.LinearLayer, Array, Array]) -> None:
    """``delta`` and ``grad`` agree with automatic differentiation; ``grad`` is averaged over the samples."""
    layer, X, cotangent = question
    dX, dW, db = torch_autograd.vjp(lambda X, W, b: X @ W + b, cotangent, (X, layer.W, layer.b))
    assert_within(layer.delta(layer.forward(X), cotangent), dX)
    for found, expected in zip(layer.grad(X, cotangent), (dW, db), strict=True):
        assert_within(len(X) * found, expected, gamma(2) * np.abs(expected.value))


@given(st.data())
def test_relu_is_its_definition(data: st.DataObject) -> None:
    """``forward`` is exactly max(x, 0), and ``delta`` is delta_next where x > 0 and 0 elsewhere."""
    n, u = data.draw(sizes(2))
    X, cotangent = data.draw(arrays(n, u)), data.draw(arrays(n, u, elements=NON_ZERO))
    layer = bp.ReLULayer("ReLU")
    Y = layer.forward(X)
    assert Y.tolist() == [[max(x, 0.0) for x in row] for row in X]
    assert layer.delta(Y, cotangent).tolist() == [
        [c if x > 0 else 0.0 for x, c in zip(*rows, strict=True)] for rows in zip(X, cotangent, strict=True)
    ]


@few_examples
@given(st.data())
def test_relu_delta_is_derivative_off_the_kink(data: st.DataObject) -> None:
    """``delta`` agrees with central differences wherever these have a finite error."""
    n, u = data.draw(sizes(2))
    X, cotangent = data.draw(arrays(n, u)), data.draw(arrays(n, u, elements=NON_ZERO))
    layer = bp.ReLULayer("ReLU")
    (dX,) = finite_differences.vjp(layer.forward, cotangent, (X,))
    assert (np.isinf(dX.error) == (X == 0)).all()
    assert_within(layer.delta(layer.forward(X), cotangent), dX)


@pytest.mark.parametrize("softmax", SOFTMAXES)
@few_examples
@given(st.data())
def test_softmax_delta_is_derivative_of_forward(softmax: type[Any], data: st.DataObject) -> None:
    """``delta`` agrees with central differences of ``forward`` for cotangents that are not constant."""
    n, k = data.draw(sizes(2))
    X, cotangent = data.draw(arrays(n, k)), data.draw(arrays(n, k))
    layer = softmax("Softmax")
    Y = layer.forward(X)
    (dX,) = finite_differences.vjp(layer.forward, cotangent, (X,))
    assert_within(layer.delta(Y, cotangent), dX, 2 * gamma(k + 20) * np.abs(cotangent).max(initial=0))


@needs_torch
@pytest.mark.parametrize("softmax", SOFTMAXES)
@given(st.data())
def test_softmax_agrees_with_torch(softmax: type[Any], data: st.DataObject) -> None:
    """Both messages agree with automatic differentiation of exp(x) / sum exp(x)."""
    n, k = data.draw(sizes(2))
    X, cotangent = data.draw(arrays(n, k)), data.draw(arrays(n, k))

    def definition(X: Any) -> Any:
        return X.exp() / X.exp().sum(dim=1, keepdim=True)

    layer = softmax("Softmax")
    Y = layer.forward(X)
    # Probabilities of logits up to 4 apart by 8: relative error below (k + 20 + 2 * 8) u by the shifted formula.
    assert_within(Y, torch_autograd.value(definition, (X,)), gamma(k + 36))
    (dX,) = torch_autograd.vjp(definition, cotangent, (X,))
    assert_within(layer.delta(Y, cotangent), dX, 4 * gamma(k + 36) * np.abs(cotangent).max(initial=0))


@given(st.data())
def test_stable_softmax_at_extreme_logits(data: st.DataObject) -> None:
    """For every finite logit the probabilities are in [0, 1] and sum to 1, without a warning."""
    n, k = data.draw(sizes(2))
    X = data.draw(arrays(n, k, elements=EXTREME))
    Y = bp.SoftmaxLayer("Softmax").forward(X)
    assert ((Y >= 0) & (Y <= 1)).all()
    # Each quotient is rounded once, the sum k - 1 times before and k - 1 times here.
    assert (np.abs(Y.sum(axis=1) - 1) <= gamma(2 * k)).all()
    assert (Y[np.arange(n), X.argmax(axis=1)] == Y.max(axis=1)).all()


@given(st.data())
def test_stable_softmax_is_shift_invariant(data: st.DataObject) -> None:
    """Adding a constant to a row changes no probability where the addition is exact."""
    n, k = data.draw(sizes(2))
    X, shift = data.draw(arrays(n, k)), data.draw(st.integers(-(2**40), 2**40))
    layer = bp.SoftmaxLayer("Softmax")
    assert np.array_equal(layer.forward(X + shift), layer.forward(X))


@given(st.data())
def test_softmaxes_agree_where_both_are_right(data: st.DataObject) -> None:
    """For logits up to +-300 the naive and the stable softmax agree within their rounding bounds."""
    n, k = data.draw(sizes(2))
    X = data.draw(arrays(n, k, elements=st.floats(-300, 300)))
    naive, stable = bp.NaiveSoftmaxLayer("a").forward(X), bp.SoftmaxLayer("b").forward(X)
    assert (np.abs(naive - stable) <= gamma(2 * k + 60 + 1200) * stable + 5e-324).all()


@pytest.mark.parametrize(("dtype", "largest"), [(np.float64, 709.7), (np.float32, 88.7)])
def test_naive_softmax_overflows(dtype: type[Any], largest: float) -> None:
    """The naive softmax is finite just below the largest exponent; just above it is NaN, and numpy warns."""
    layer = bp.NaiveSoftmaxLayer("Softmax")
    assert layer.forward(np.array([[largest, 0.0]], dtype))[0, 0] == 1
    too_large = np.array([[largest + 0.2, 0.0]], dtype)
    with pytest.warns(RuntimeWarning, match="overflow"), pytest.warns(RuntimeWarning, match="invalid value"):
        Y = layer.forward(too_large)
    assert np.isnan(Y[0, 0])
    assert Y[0, 1] == 0


def test_naive_softmax_underflows() -> None:
    """If all exponentials of a row underflow the naive softmax gives 0 / 0, and the stable one is right."""
    X = np.array([[-746.0, -746.0]])
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(bp.NaiveSoftmaxLayer("a").forward(X)).all()
    assert bp.SoftmaxLayer("b").forward(X).tolist() == [[0.5, 0.5]]


def test_one_bad_row_leaves_the_others_alone() -> None:
    """An overflow in one sample does not change the outputs of the others."""
    X = np.array([[1e4, 0.0], [1.0, 1.0], [-1e4, -1e4]])
    with np.errstate(all="ignore"):
        naive = bp.NaiveSoftmaxLayer("a").forward(X)
    assert np.isnan(naive[0, 0])
    assert naive[1].tolist() == [0.5, 0.5]
    assert bp.SoftmaxLayer("b").forward(X).tolist() == [[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize(
    "layer",
    [bp.ReLULayer("r"), bp.SoftmaxLayer("s"), bp.NaiveSoftmaxLayer("n"), linear(np.ones((2, 2)), np.ones(2))],
    ids=lambda layer: type(layer).__name__,
)
def test_nan_is_not_hidden(layer: Any) -> None:
    """The output of a sample with a NaN is NaN; the outputs of the others are not."""
    Y = layer.forward(np.array([[np.nan, 1.0], [1.0, 2.0]]))
    assert np.isnan(Y[0]).any()
    assert np.isfinite(Y[1]).all()


@few_examples
@given(st.data())
def test_messages_are_pure(data: st.DataObject) -> None:
    """A message gives the same for equal arguments: in any layout, read-only, by keyword, after other calls."""
    n, d, u = data.draw(sizes(3, least=2))
    layer = linear(data.draw(arrays(d, u)), data.draw(arrays(u)))
    X, Y, other = data.draw(arrays(n, d)), data.draw(arrays(n, u)), data.draw(arrays(n + 1, u, elements=NON_ZERO))
    delta_next = data.draw(arrays(n, u))
    questions: list[tuple[Any, dict[str, Array]]] = [
        (layer.forward, {"X": X}),
        (layer.delta, {"Y": Y, "delta_next": delta_next}),
        (layer.grad, {"X": X, "delta_next": delta_next}),
    ]
    for each in (bp.ReLULayer("r"), bp.SoftmaxLayer("s"), bp.NaiveSoftmaxLayer("n")):
        questions += [(each.forward, {"X": Y}), (each.delta, {"Y": Y, "delta_next": delta_next})]
        each.forward(other)
    for message, arguments in questions:
        expected = message(*arguments.values())
        laid = {name: data.draw(layouts(array)) for name, array in arguments.items()}
        found = message(**laid)
        for one, two in zip(_list(expected), _list(found), strict=True):
            # BLAS sums in another order for another layout; the numbers are multiples of 1/64 and sums are exact.
            assert np.allclose(one, two, rtol=0, atol=gamma(2 * u + 40) * max(np.abs(one).max(initial=0), 1))
            assert not any(np.shares_memory(two, array) for array in laid.values())


def _list(answer: Any) -> list[Array]:
    return answer if isinstance(answer, list) else [answer]


def test_float32_stays_float32() -> None:
    """Single-precision parameters and inputs give single-precision messages."""
    layer = bp.LinearLayer(2, 3, np.random.RandomState(0), "L", dtype=np.float32)
    X, Y = np.ones((4, 2), np.float32), np.ones((4, 3), np.float32)
    for array in (layer.forward(X), layer.delta(Y, Y), *layer.grad(X, Y)):
        assert array.dtype == np.float32
    for each in (bp.ReLULayer("r"), bp.SoftmaxLayer("s"), bp.NaiveSoftmaxLayer("n")):
        assert each.forward(X).dtype == each.delta(X, X).dtype == np.float32


def test_integers_are_converted() -> None:
    """Integers, truth values and lists of them are converted to numbers."""
    layer = linear(np.array([[1.0], [2.0]]), np.array([0.5]))
    assert layer.forward(np.array([[1, 2]])).tolist() == [[5.5]]
    assert layer.forward([[True, False]]).tolist() == [[1.5]]
    assert bp.SoftmaxLayer("s").forward(np.array([[0, 0]])).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (np.ones((2, 3)), r"expected shape \(N, 2\), got \(2, 3\)"),
        (np.ones(2), r"expected a two-dimensional array, one row per sample, got shape \(2,\)"),
        (np.ones((1, 2, 1)), "expected a two-dimensional array"),
        (np.ones((0, 2)), "expected at least one sample"),
        (3.0, "expected a two-dimensional array"),
        (None, "expected real numbers, got an array of dtype object"),
        ([["a", "b"]], "expected real numbers, got an array of dtype <U1"),
        (np.ones((1, 2), object), "expected real numbers, got an array of dtype object"),
        (np.ones((1, 2), complex), "expected real numbers, got an array of dtype complex128"),
        ([[1.0], [1.0, 2.0]], "expected rows of equal length"),
    ],
)
def test_bad_inputs_are_named(X: Any, said: str) -> None:
    """A ValueError says which layer, message and argument, what was expected and what came."""
    with pytest.raises(ValueError, match=rf"^Linear\.forward: X: {said}"):
        linear(np.ones((2, 1)), np.ones(1)).forward(X)


def test_arguments_must_agree() -> None:
    """delta_next must have as many rows as Y or X, and as many columns as the layer has units."""
    layer = linear(np.ones((2, 3)), np.ones(3))
    with pytest.raises(ValueError, match=r"^Linear\.delta: delta_next: expected shape \(4, 3\), got \(5, 3\)"):
        layer.delta(np.ones((4, 3)), np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"^Linear\.grad: delta_next: expected shape \(4, 3\), got \(4, 2\)"):
        layer.grad(np.ones((4, 2)), np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"^R\.delta: delta_next: expected shape \(4, 3\), got \(1, 3\)"):
        bp.ReLULayer("R").delta(np.ones((4, 3)), np.ones((1, 3)))
    with pytest.raises(TypeError, match="argument"):
        layer.delta(np.ones((4, 3)))


def test_initialize_is_he_and_ones() -> None:
    """Weights are N(0, 2 / D) drawn from the shared generator in the order of construction; biases are 1."""
    shared, alone = np.random.RandomState(5), np.random.RandomState(5)
    first, second = bp.LinearLayer(50, 40, shared, "a"), bp.LinearLayer(40, 30, shared, "b")
    assert np.array_equal(first.W, alone.normal(0, np.sqrt(2 / 50), (50, 40)))
    assert np.array_equal(second.W, alone.normal(0, np.sqrt(2 / 40), (40, 30)))
    assert np.array_equal(first.b, np.ones(40))
    first.b[:] = 7
    first.initialize()
    assert np.array_equal(first.W, alone.normal(0, np.sqrt(2 / 50), (50, 40)))
    assert np.array_equal(first.b, np.ones(40))


def test_float32_weights_are_the_float64_ones_rounded() -> None:
    """Initial weights in single precision are those in double precision, rounded."""
    single = bp.LinearLayer(3, 2, np.random.RandomState(1), "a", dtype=np.float32)
    double = bp.LinearLayer(3, 2, np.random.RandomState(1), "a")
    assert single.W.dtype == single.b.dtype == np.float32
    assert np.array_equal(single.W, double.W.astype(np.float32))


def test_new_generators_work_too() -> None:
    """A numpy Generator can initialize a layer."""
    layer = bp.LinearLayer(3, 2, np.random.default_rng(1), "a")
    assert np.array_equal(layer.W, np.random.default_rng(1).normal(0, np.sqrt(2 / 3), (3, 2)))


@given(st.data())
def test_update_adds_in_place(data: st.DataObject) -> None:
    """W and b stay the same arrays, with the step added."""
    d, u = data.draw(sizes(2))
    W, b, dW, db = (data.draw(arrays(*shape)) for shape in ((d, u), (u,), (d, u), (u,)))
    layer = linear(W, b)
    before = layer.W, layer.b
    layer.update_params([dW, db])
    assert layer.W is before[0]
    assert layer.b is before[1]
    assert np.array_equal(layer.W, W + dW)
    assert np.array_equal(layer.b, b + db)


@pytest.mark.parametrize(
    "dtheta", [[np.ones((1, 3)), np.ones(3)], [np.ones((2, 3))], [np.ones((2, 3)), np.ones((1, 3))]]
)
def test_wrong_update_changes_nothing(dtheta: list[Array]) -> None:
    """Steps of other shapes are refused, also those that numpy would broadcast."""
    layer = linear(np.ones((2, 3)), np.ones(3))
    with pytest.raises(ValueError, match=r"^Linear\.update_params: expected \[dW, db\] of shapes"):
        layer.update_params(dtheta)
    assert (layer.W == 1).all()
    assert (layer.b == 1).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n_inputs": 0}, "n_inputs to be a positive integer, got 0"),
        ({"n_units": 2.0}, r"n_units to be a positive integer, got 2\.0"),
        ({"n_inputs": True}, "n_inputs to be a positive integer, got True"),
        ({"dtype": int}, "floating dtype, got int64"),
    ],
)
def test_bad_sizes_are_named(arguments: dict[str, Any], said: str) -> None:
    """A layer with an impossible size or dtype is refused when it is made."""
    settings = {"n_inputs": 2, "n_units": 3, "rng": np.random.RandomState(0), "name": "L"} | arguments
    with pytest.raises(ValueError, match=rf"^L: expected .*{said}"):
        bp.LinearLayer(**settings)


def test_only_linear_layers_have_parameters() -> None:
    """``has_params`` is True for linear layers alone."""
    assert linear(np.ones((1, 1)), np.ones(1)).has_params()
    assert not any(layer("x").has_params() for layer in (bp.ReLULayer, *SOFTMAXES))


@given(st.permutations([LARGEST, -LARGEST, 0.0]), arrays(1, 3, elements=SHORT))
def test_stable_delta_at_extreme_logits(logits: list[float], cotangent: Array) -> None:
    """The derivative of a saturated softmax is 0, and never NaN."""
    layer = bp.SoftmaxLayer("Softmax")
    assert (layer.delta(layer.forward(np.array([logits])), cotangent) == 0).all()


@pytest.mark.parametrize(("of_y", "of_d"), [(np.float32, np.float64), (np.float64, np.float32)])
def test_of_two_precisions_the_higher_counts(of_y: Any, of_d: Any) -> None:
    """Mixed precisions give the higher one, as in numpy's own arithmetic."""
    layer = bp.SoftmaxLayer("S")
    assert layer.delta(np.array([[0.25, 0.75]], of_y), np.ones((1, 2), of_d)).dtype == np.float64


def test_weights_are_drawn_into_one_array() -> None:
    """Weights in double precision are not copied after they have been drawn."""
    layer = bp.LinearLayer(200, 100, np.random.RandomState(0), "Linear")
    layer.W = np.zeros((0, 0))
    assert peak_of(layer.initialize) < 1.5 * 200 * 100 * 8
