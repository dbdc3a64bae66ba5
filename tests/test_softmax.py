"""The stable softmax, its loss and its gradient are accurate to the last digits, measured by ball arithmetic."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bp
from reference.lab import definitions
from reference.numerics.oracles import ball
from reports.study.bench import search
from tests.comparing import needs_flint
from tests.strategies import EXTREME, NON_ZERO, Array, arrays, one_hot, sizes, soft

pytestmark = needs_flint

SOFTMAX, LOSS = bp.SoftmaxLayer("Softmax"), bp.LossCrossEntropyForSoftmaxLogits("CE")
#: Ordinary ones, near ties, saturated ones up to where results are subnormal, huge ones.
LOGITS = st.one_of(
    st.floats(-3, 3),
    st.floats(-60, 60),
    st.floats(-745, 0),
    st.tuples(st.just(10.0), st.floats(-1e-6, 1e-6)).map(sum),
    EXTREME,
)


#: Units in the last place that the library promises.
BOUND = 0.6


def question(data: st.DataObject) -> tuple[Array, Array]:
    """Logits and one-hot targets."""
    n, k = data.draw(sizes(2))
    return data.draw(arrays(n, k, elements=LOGITS)), data.draw(one_hot(n, k))


def off(spec: Any, X: Array, found: Array, cotangent: Array | None = None) -> float:
    """The largest distance from the truth, in units in the last place; infinite where NaN or a wrong infinity came."""
    return float(ball.ulps(spec, (X,), found, cotangent).value.max())


@given(st.data())
def test_probabilities_have_all_digits(data: st.DataObject) -> None:
    """Probabilities are right to 0.6 units in the last place, subnormal ones included."""
    X, _ = question(data)
    P = SOFTMAX.forward(X)
    assert off(definitions.softmax, X, P) <= BOUND
    truth = ball.value(definitions.softmax, (X,)).value
    assert not (P[truth >= 2.0**-1074] == 0).any()


@given(st.data())
def test_losses_have_all_digits(data: st.DataObject) -> None:
    """Losses are right to 0.6 units in the last place, also those of surely right samples."""
    X, T = question(data)
    assert off(partial(definitions.cross_entropy_of_logits, T=T), X, LOSS.forward(X, T)) <= BOUND


@given(st.data())
def test_gradients_have_all_digits(data: st.DataObject) -> None:
    """Gradients are right to 0.6 units in the last place, also at the target, where p - t cancels."""
    X, T = question(data)
    spec = partial(definitions.cross_entropy_of_logits, T=T)
    assert off(spec, X, LOSS.delta(X, T), np.ones((len(X), 1))) <= BOUND


@pytest.mark.parametrize("k", [1, 2, 63, 64, 1000])
@pytest.mark.parametrize("lead", [0.0, 30.0, 500.0, 720.0, 744.0])
def test_many_classes_have_all_digits(k: int, lead: float) -> None:
    """With one class far ahead of many all digits are right, even if each of the others rounds to 0."""
    rng = np.random.RandomState(k)
    X = rng.randn(2, k)
    X[:, 0] += lead
    T = np.eye(k)[[0, k - 1]]
    spec = partial(definitions.cross_entropy_of_logits, T=T)
    assert off(definitions.softmax, X, SOFTMAX.forward(X)) <= BOUND
    assert off(spec, X, LOSS.forward(X, T)) <= BOUND
    assert off(spec, X, LOSS.delta(X, T), np.ones((2, 1))) <= BOUND


#: The worst rows that searches found for each quantity (`reports.study.bench.search`): logits and targets.
WORST = {
    "delta, 0.529": ([0.14461206143057687, 2.8996568667569043], [0, 1]),
    "delta, 0.538": ([0.8985269972914823, -4.903735854408743, 5.7573831383917415], [0, 0, 1]),
    "p and delta, 0.531": (
        [999999.8959149603, 999999.9924407486, 1000000.0040569913, 1000000.1645500791],
        [0, 0, 0, 1],
    ),
    "loss, 0.518": ([-12345.677999998188, -13048.588775238986], [1, 0]),
    "loss, 0.514": ([-12.32473608313813, -15.690380727827945, 4.276139116154933, 36.17793907659707], [0, 0, 0, 1]),
    # Before terms were pairs of doubles.
    "near a power of two, double rounding": ([0.0, -731.00355867, -719.60141915, -707.67656516], [1, 0, 0, 0]),
    "one large and many equal": ([0.0, -0.34, *[-np.log(2)] * 14], [1, *[0] * 15]),
}
WORST_SOFT = {
    "loss, 0.510": (
        [0.0, -33.17011429772364, -0.6808899655335886],
        [0.9996329428363864, *[0.00018352858180682304] * 2],
    ),
    "loss, 0.511": ([0.0, -1.3658583216279772], [1.0, 5.76638362638844e-27]),
    "delta, 0.530": (
        [0.3358918824625723, 4.852036990634694, -2.30503695999857],
        [0.9999999999995901, 2.0505632630561754e-13, 2.0505632611464396e-13],
    ),
    "subnormal targets": ([0.0, -718.9518410586852, -716.3867866669125], [1.0, 5.8e-313, 7.544e-312]),
    "t near p, subnormal": (
        [300.3, -443.5508945343259, -407.9442541990326],
        [1.0, 1e-323, 2.5907682235323473e-308],
    ),
    "nearly one-hot": ([0.0, -1000.0], [1.0, 9e-7]),
}


@pytest.mark.parametrize("worst", WORST)
def test_the_worst_rows_that_were_found_keep_the_promise(worst: str) -> None:
    """Probabilities, loss and gradient of the rows that a search found worst are right to 0.6 units."""
    X, T = (np.array([row], np.float64) for row in WORST[worst])
    assert max(errors(X, T)[0] for errors in search.ONE_HOT.values()) <= BOUND


@pytest.mark.parametrize("worst", WORST_SOFT)
def test_the_worst_soft_targets_that_were_found_keep_the_promise(worst: str) -> None:
    """With soft targets the loss is right to 0.55 units, and the gradient to 0.6 units of the larger of p and t."""
    X, T = (np.array([row], np.float64) for row in WORST_SOFT[worst])
    assert search.of_loss(X, T)[0] <= 0.55
    assert search.of_soft_delta(X, T)[0] <= BOUND


@given(st.data())
def test_soft_targets_have_all_digits(data: st.DataObject) -> None:
    """With soft targets of any kind losses and gradients are as right as with the worst that were found."""
    X, _ = question(data)
    T = data.draw(soft(*X.shape))
    assert (search.of_loss(X, T) <= 0.55).all()
    assert (search.of_soft_delta(X, T) <= BOUND).all()


def test_loss_next_to_the_largest_number_is_finite() -> None:
    """A loss that is less than half a unit above the largest number is that number, and not infinite."""
    X, T = np.array([[0.0, np.finfo(np.float64).max, 0.0]]), np.array([[0.8, 0.0, 0.2]])
    assert search.of_loss(X, T)[0] <= 0.55


def test_a_row_is_one_hot_only_where_a_single_entry_is_not_0() -> None:
    """A small target beside one of 1 counts, however rows are mixed, and each row has the bits that it has alone."""
    X = np.array([[0.0, -1000.0], [1.0, 2.0], [0.0, -1000.0], [0.0, -120.0], [0.0, -30.0]])
    T = np.array([[1.0, 9e-7], [0.25, 0.75], [1.0, 0.0], [1.0, 0.0], [1 - 2.0**-22, 0.0]])
    for message in (LOSS.forward, LOSS.delta):
        alone = [message(X[n : n + 1], T[n : n + 1]) for n in range(5)]
        for rows in ([0, 1, 2, 3, 4], [2, 4], [3, 1]):
            assert message(X[rows], T[rows]).tolist() == np.concatenate([alone[n] for n in rows]).tolist()
    assert LOSS.forward(X, T)[0, 0] == 9e-4


def test_a_single_target_that_is_not_1_counts_as_what_it_is() -> None:
    """Where the only target of a sample is a little less than 1, loss and gradient are that part of those of 1."""
    X, T = np.array([[0.5, 0.0]]), np.array([[1 - 2.0**-22, 0.0]])
    for errors, allowed in ((search.of_loss, 0.55), (search.of_soft_delta, BOUND)):
        assert errors(X, T)[0] <= allowed


def test_one_hot_samples_have_their_bits_beside_soft_ones() -> None:
    """A sample whose target is one-hot has the same bits beside samples with soft targets as without them."""
    rng = np.random.RandomState(0)
    X, T = 3 * rng.randn(1000, 10), np.eye(10)[rng.randint(0, 10, 1000)]
    beside = np.concatenate([T[:-1], np.full((1, 10), 0.1)])
    for message in (LOSS.forward, LOSS.delta):
        assert np.array_equal(message(X, beside)[:-1], message(X, T)[:-1])


@pytest.mark.parametrize("k", [3, 64])
def test_soft_targets_need_not_sum_to_1_exactly(k: int) -> None:
    """Targets made in single precision, whose sums are 1 up to its rounding, have all digits too."""
    rng = np.random.RandomState(k)
    X, T = rng.randn(4, k), rng.dirichlet(np.ones(k), 4)
    T[:, 0] += 4e-7
    assert (search.of_loss(X, T) <= 0.55).all()
    assert (search.of_soft_delta(X, T) <= BOUND).all()


#: Logits and soft targets: classes that are far apart, and one that is far away and has no share.
FAR = {
    "three to two": ([3 * 2.0**1020, 2.0**1021], [0.5, 0.5]),
    "minus two to minus three": ([-(2.0**1022), -3 * 2.0**1021], [0.5, 0.5]),
    "no share": ([0.0, -693.0, -1e308], [1 - 2.0**-22, 0.0, 0.0]),
    "nothing but ties": ([1e308, 1e308], [0.25, 0.75]),
}


@pytest.mark.parametrize("far", FAR)
def test_far_classes_neither_overflow_nor_hide_others(far: str) -> None:
    """The loss of soft targets has all digits, however far the classes are from each other."""
    X, T = (np.array([row], np.float64) for row in FAR[far])
    assert search.of_loss(X, T)[0] <= 0.55


@pytest.mark.parametrize("outer", [2.0**63, 1e300, -(2.0**63), -1e300])
def test_neighbours_far_from_0_are_told_apart(outer: float) -> None:
    """Of two neighbouring doubles that differ by 1024 or more, the larger has probability 1, the other 0."""
    inner = np.nextafter(outer, 0)
    X = np.array([[outer, inner]])
    np.testing.assert_array_equal(bp.SoftmaxLayer("S").forward(X), [[outer > inner, outer < inner]])


def test_a_thousand_invisible_classes_are_seen_together() -> None:
    """If only the sum of many probabilities is representable, loss and gradient are not 0."""
    X = np.full((1, 1000), -746.0)
    X[0, 0] = 0
    T = np.eye(1000)[[0]]
    assert (SOFTMAX.forward(X)[0, 1:] == 0).all()
    assert LOSS.forward(X, T)[0, 0] > 0
    assert LOSS.delta(X, T)[0, 0] < 0


@given(st.data())
def test_order_of_classes_does_not_matter(data: st.DataObject) -> None:
    """Permuting the classes changes no bit, ties included."""
    X, T = question(data)
    order = data.draw(st.permutations(range(X.shape[1])))
    cotangent = data.draw(arrays(*X.shape))
    Y = SOFTMAX.forward(X)
    assert SOFTMAX.forward(X[:, order]).tobytes() == np.ascontiguousarray(Y[:, order]).tobytes()
    assert LOSS.forward(X[:, order], T[:, order]).tobytes() == LOSS.forward(X, T).tobytes()
    assert LOSS.delta(X[:, order], T[:, order]).tolist() == LOSS.delta(X, T)[:, order].tolist()
    moved = SOFTMAX.delta(Y[:, order], cotangent[:, order])
    assert moved.tolist() == SOFTMAX.delta(Y, cotangent)[:, order].tolist()


@given(st.data())
def test_vector_jacobian_product_cancels_no_more_than_it_must(data: st.DataObject) -> None:
    """The product is right to two units plus u times its terms relative to the largest class."""
    n, k = data.draw(sizes(2))
    Y = SOFTMAX.forward(data.draw(arrays(n, k, elements=st.floats(-40, 40))))
    d = data.draw(arrays(n, k, elements=NON_ZERO))

    def product(shift: Any) -> Any:
        E = shift.exp() * Y
        return E / E.sum(dim=1, keepdim=True)

    truth = ball.vjp(product, d, (np.zeros((n, k)),))[0]
    base = np.where(Y.max(axis=1, keepdims=True) == Y, d, -np.inf).max(axis=1, keepdims=True)
    terms = (Y * np.abs(d - base)).sum(axis=1, keepdims=True)
    # Y is rounded, so that its rows do not sum to 1 exactly, which the formula takes for granted.
    unnormalised = np.abs([[math.fsum(row) - 1] for row in Y]) + k * 2.0**-53
    room = 2 * np.spacing(np.abs(truth.value)) + Y * (2.0**-52 * terms + 2 * unnormalised * (np.abs(d - base) + terms))
    assert (np.abs(SOFTMAX.delta(Y, d) - truth.value) <= room + truth.error).all()


def test_what_rounding_takes_from_the_sum_is_given_back() -> None:
    """The rounding error of R is added back, which matters for a loss just below a power of two."""
    X, T = np.array([[0.9999079682784237, -2.4527828243574743]]), np.eye(2)[[0]]
    assert off(partial(definitions.cross_entropy_of_logits, T=T), X, LOSS.forward(X, T)) <= BOUND


@pytest.mark.parametrize("size", [1e308, 1e-308, 5e-324])
def test_vector_jacobian_product_of_any_size(size: float) -> None:
    """Large cotangents do not overflow, and small products do not vanish."""
    assert SOFTMAX.delta([[0.25, 0.75]], [[size, -size]]).tolist() == [[0.375 * size, -0.375 * size]]
    assert SOFTMAX.delta([[1.0, 4e-323]], [[1e-3, 1e3]]).tolist() == [[-4e-323 * 1e3, 4e-323 * 1e3]]
    assert SOFTMAX.delta([[1.0, *[1e-323] * 100]], [[0.0, *[0.25] * 100]])[0, 0] == -100 * 0.25 * 1e-323


def test_faint_probabilities_are_rounded_once() -> None:
    """A subnormal probability is rounded once: half of exp(-744.1) is the smallest number, not 0."""
    X = np.array([[0.0, -744.1, 0.0]])
    assert SOFTMAX.forward(X)[0, 1] == 2.0**-1074


@given(st.data())
def test_single_precision_is_double_rounded_once(data: st.DataObject) -> None:
    """Results in single precision are within 0.51 units in the last place."""
    n, k = data.draw(sizes(2))
    X = data.draw(arrays(n, k, elements=st.floats(-80, 80, width=32))).astype(np.float32)
    T = data.draw(st.one_of(one_hot(n, k), soft(n, k))).astype(np.float32)
    wide, targets = X.astype(np.float64), T.astype(np.float64)
    for found, exact in (
        (SOFTMAX.forward(X), SOFTMAX.forward(wide)),
        (LOSS.forward(X, T), LOSS.forward(wide, targets)),
        (LOSS.delta(X, T), LOSS.delta(wide, targets)),
    ):
        assert found.dtype == np.float32
        assert (np.abs(found - exact) <= 0.51 * np.spacing(np.abs(found))).all()


@pytest.mark.parametrize("size", [1.7e308, 1.0])
def test_soft_targets_keep_their_loss(size: float) -> None:
    """The loss of a soft target sums over all its classes, however far apart the logits are."""
    X, T = np.array([[size, -1.7e308, size]]), np.array([[0.25, 0.0, 0.75]])
    assert LOSS.forward(X, T)[0, 0] == pytest.approx(math.log(2), rel=1e-15)


@pytest.mark.parametrize("k", [3, 64])
@pytest.mark.parametrize(
    "laid",
    [
        np.asfortranarray,
        lambda A: np.repeat(A, 2, axis=1)[:, ::2],
        lambda A: A[::-1].copy()[::-1],
        lambda A: np.asfortranarray(np.repeat(A, 2, axis=0))[::2],
    ],
    ids=["columns", "every other", "backwards", "every other row of columns"],
)
def test_no_bit_depends_on_the_layout(laid: Any, k: int) -> None:
    """Logits, targets and cotangents in any layout give the same bits."""
    rng = np.random.RandomState(k)
    X, hard, mixed = 3 * rng.randn(4, k), np.eye(k)[[0, 1, 2, 0]], rng.dirichlet(np.ones(k), 4)
    X[1] *= 250
    assert SOFTMAX.forward(laid(X)).tolist() == SOFTMAX.forward(X).tolist()
    Y = SOFTMAX.forward(X)
    assert SOFTMAX.delta(laid(Y), laid(X)).tolist() == SOFTMAX.delta(Y, X).tolist()
    mixed[0] = hard[0]
    for T in (hard, mixed):
        for message in (LOSS.forward, LOSS.delta):
            assert message(laid(X), laid(T)).tolist() == message(X, T).tolist()


@pytest.mark.parametrize("k", [3, 64])
def test_samples_are_independent_of_each_other(k: int) -> None:
    """No bit of a sample's results depends on other samples of the batch."""
    rng = np.random.RandomState(k)
    X, d = 3 * rng.randn(4, k), rng.randn(4, k)
    X[1], d[0], d[2] = 250 * X[1], 1e300 * d[0], 1e-310 * d[2]
    Y, T = SOFTMAX.forward(X), np.eye(k)[[0, 1, 2, 0]]
    asked: list[tuple[Any, list[Array]]] = [(SOFTMAX.forward, [X]), (SOFTMAX.delta, [Y, d])]
    for message, arguments in [*asked, (LOSS.forward, [X, T]), (LOSS.delta, [X, T])]:
        alone = [message(*(array[n : n + 1] for array in arguments)) for n in range(4)]
        assert message(*arguments).tolist() == np.concatenate(alone).tolist()


def test_far_samples_leave_the_others_alone() -> None:
    """No bit of a sample's results depends on samples whose logits are so large that they are moved first."""
    rng = np.random.RandomState(0)
    X, hard = rng.randn(40, 3), np.eye(3)[rng.randint(0, 3, 40)]
    X[-2:] = [[0.0, -690.0, -691.0], [1e308, -1e308, 0.0]]
    mixed = rng.dirichlet(np.ones(3), 40)
    mixed[-2] = [1 - 2.0**-22, 0.0, 0.0]
    assert SOFTMAX.forward(X)[:-1].tolist() == SOFTMAX.forward(X[:-1]).tolist()
    for T in (hard, mixed):
        for message in (LOSS.forward, LOSS.delta):
            assert message(X, T)[:-1].tolist() == message(X[:-1], T[:-1]).tolist()


def test_samples_that_are_nearly_sure_are_independent_of_each_other() -> None:
    """That also holds for samples whose terms are scaled by 2^256."""
    X = np.array([[0.0, -630.0, -631.0], [0.0, -744.2, -743.9]])
    T = np.eye(3)[[0, 0]]
    for message in (LOSS.forward, LOSS.delta):
        alone = [message(X[n : n + 1], T[n : n + 1]) for n in range(2)]
        assert message(X, T).tolist() == np.concatenate(alone).tolist()


@pytest.mark.parametrize("k", [64, 200])
def test_single_precision_of_many_classes_is_computed_in_double(k: int) -> None:
    """Single precision is rounded once also above the number of classes where the layout changes."""
    rng = np.random.RandomState(k)
    X, T = rng.uniform(-80, 80, (3, k)).astype(np.float32), np.eye(k, dtype=np.float32)[[0, 1, k - 1]]
    wide = X.astype(np.float64)
    for found, exact in (
        (SOFTMAX.forward(X), SOFTMAX.forward(wide)),
        (LOSS.forward(X, T), LOSS.forward(wide, T)),
        (LOSS.delta(X, T), LOSS.delta(wide, T)),
    ):
        assert (np.abs(found - exact) <= 0.51 * np.spacing(np.abs(found))).all()


@pytest.mark.parametrize("lead", [0.3, 1.0, 2.5])
def test_large_close_logits_have_all_digits(lead: float) -> None:
    """Large logits that lie close together lose no digits, though their differences are rounded."""
    rng = np.random.RandomState(5)
    X = 700 + lead * rng.rand(200, 3)
    T = np.eye(3)[X.argmin(axis=1)]
    spec = partial(definitions.cross_entropy_of_logits, T=T)
    assert off(definitions.softmax, X, SOFTMAX.forward(X)) <= BOUND
    assert off(spec, X, LOSS.forward(X, T)) <= BOUND
    assert off(spec, X, LOSS.delta(X, T), np.ones((200, 1))) <= BOUND


def test_last_normal_probabilities_have_all_digits() -> None:
    """Probabilities just above the subnormal numbers have all digits."""
    X = np.random.RandomState(7).uniform([0, -708.39], [1, -708.0], (300, 2))
    X[:, 1] += X[:, 0]  # what rounding takes from the difference of the two counts here
    assert off(definitions.softmax, X, SOFTMAX.forward(X)) <= BOUND


def test_gradients_that_are_subnormal_are_rounded_once() -> None:
    """At the target of a nearly sure sample the gradient is right to 0.6 units where it is subnormal."""
    X = np.zeros((300, 2))
    X[:, 1] = -np.random.RandomState(7).uniform(708.5, 744, 300)
    T = np.eye(2)[np.zeros(300, int)]
    spec = partial(definitions.cross_entropy_of_logits, T=T)
    assert off(spec, X, LOSS.delta(X, T), np.ones((300, 1))) <= BOUND
