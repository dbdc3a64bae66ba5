"""As `test_bounds.py`, for whole networks: running analysis, bounds through Jacobian matrices, and usual errors."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import localcontext
from functools import cache
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.lab.contract import one_hot, probabilities
from reference.numerics import network_rounding, running_errors, tolerances
from reference.numerics.rounding import DOUBLE, SINGLE, Precision
from tests.conventional_net import CODINGS
from tests.first_order import FIFTY_DIGITS, Number, errors, exp, one_by_one

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]

PRECISIONS = {"double": DOUBLE, "single": SINGLE, "ten bits": Precision(2.0**-11, 2.0**-24)}


@dataclass(frozen=True)
class Net:
    """A net's widths, and whether all its numbers are positive, so that nothing cancels on the way to the logits."""

    widths: tuple[int, ...]
    is_positive: bool = False

    def arguments(self) -> tuple[Array, list[Array], Array]:
        """X, theta and T for three samples."""
        rng = np.random.RandomState(3)
        shapes = [shape for d, u in pairwise(self.widths) for shape in ((d, u), (u,))]
        X, *theta = (rng.randn(*shape) for shape in ((3, self.widths[0]), *shapes))
        T = one_hot(np.array([0, 1, 0]), self.widths[-1])
        return (np.abs(X), [np.abs(array) for array in theta], T) if self.is_positive else (X, theta, T)


NETS = {
    "no hidden layer": Net((2, 2)),
    "one hidden layer, all positive": Net((2, 2, 2), True),
    "two hidden layers": Net((2, 3, 3, 2)),
}


@cache
def needed(net: str, power: int) -> dict[str, list[Array]]:
    """What the worst coding needs for each part of the result, array by array; precisions along the last axis."""
    found: dict[str, list[Array]] = {}
    with localcontext(FIFTY_DIGITS):
        for coding in CODINGS:
            for part, arrays in coding.answers(*NETS[net].arguments()).items():
                due = [
                    np.array([errors(each, list(PRECISIONS.values()), power) for each in array.flat])
                    for array in arrays
                ]
                found[part] = [np.maximum(*pair) for pair in zip(found.get(part, due), due, strict=True)]
    return found


def granted(net: str, p: Precision) -> dict[str, list[Array]]:
    """The bounds for each part of the result, those of `network_rounding` with the name of their law."""
    X, theta, T = NETS[net].arguments()
    running = running_errors.network(X, theta, T, p)
    found = {"hidden": [*running.hidden], "gradient": [*running.gradient]}
    found |= {name: [getattr(running, name)] for name in ("logits", "probabilities", "losses")}
    for law in (network_rounding.bounds, network_rounding.deviations):
        of_law = law(X, theta, T, p)
        found |= {f"{law.__name__}: logits": [of_law.sums[-1]], f"{law.__name__}: gradient": [*of_law.gradient]}
    return found


def ratios(net: str, precision: str, what: str) -> Array:
    """The bound divided by what is needed, for all entries that need anything."""
    place = list(PRECISIONS).index(precision)
    power = 2 if what.startswith("deviations") else 1
    due = np.concatenate([each[:, place] for each in needed(net, power)[what.rpartition(" ")[2]]])
    found = np.concatenate([np.ravel(each) for each in granted(net, PRECISIONS[precision])[what]])
    return found[due > 0] / due[due > 0]


@dataclass(frozen=True)
class Most:
    """Limits on the bound divided by what is needed: the smallest ratio of an array, and the largest."""

    somewhere: float
    anywhere: float


_LINEAR, _POSITIVE, _DEEP = NETS
#: The running analysis ignores signs, so its ratios are stated where signs do not matter: for one layer, and where all
#: numbers are positive. Ratios above 2 are stated for what follows the logits: p (1 - p) e is bounded by 2 p e, which
#: is much where p is nearly 1; and an error common to all logits, which changes nothing, is counted.
MOST: dict[str, dict[str, Most]] = {
    "hidden": {_POSITIVE: Most(1.25, 1.5)},
    "logits": {_LINEAR: Most(1.25, 2.2), _POSITIVE: Most(1.25, 1.3)},
    "probabilities": {_LINEAR: Most(1.4, 10.1), _POSITIVE: Most(1.6, 19.2)},
    # What is granted to log(1 / p), to -2 log sqrt p and to -log2(p) log 2 is granted together.
    "losses": {_LINEAR: Most(1.4, 3.6), _POSITIVE: Most(1.5, 6.9)},
    "gradient": {_LINEAR: Most(2.0, 6.2), _POSITIVE: Most(1.7, 11.7)},
    # Bounds through Jacobian matrices respect signs, so depth does not widen them.
    "bounds: logits": {_LINEAR: Most(1.25, 2.2), _POSITIVE: Most(1.25, 1.3), _DEEP: Most(1.4, 1.8)},
    "bounds: gradient": {_LINEAR: Most(2.8, 6.5), _POSITIVE: Most(2.3, 7.6), _DEEP: Most(2.3, 3.9)},
    # For sums of squares. That a rounding error has the size u is a model; softmax and its library are taken as 4.
    "deviations: logits": {_LINEAR: Most(0.9, 1.4), _POSITIVE: Most(0.9, 1.0), _DEEP: Most(1.0, 1.2)},
    "deviations: gradient": {_LINEAR: Most(1.1, 3.7), _POSITIVE: Most(1.4, 3.7), _DEEP: Most(1.2, 1.9)},
}
#: Deviations are no bounds, so they may be a little less than what is needed.
_LEAST = {"deviations: logits": 0.8}


def too_narrow(net: str, precision: str) -> dict[str, float]:
    """For each part whose bound is too small, the smallest ratio of bound and need."""
    parts = [what for what in MOST if not (what == "hidden" and net == _LINEAR)]
    smallest = {what: float(ratios(net, precision, what).min()) for what in parts}
    return {what: ratio for what, ratio in smallest.items() if ratio < _LEAST.get(what, 1.0)}


def too_wide(net: str, precision: str) -> dict[str, tuple[float, float]]:
    """For each part whose bound is larger than stated, the smallest and the largest ratio of bound and need."""
    found = {what: ratios(net, precision, what) for what, nets in MOST.items() if net in nets}
    return {
        what: (float(each.min()), float(each.max()))
        for what, each in found.items()
        if each.min() > MOST[what][net].somewhere or each.max() > MOST[what][net].anywhere
    }


each_net = pytest.mark.parametrize("net", NETS)
each_precision = pytest.mark.parametrize("precision", PRECISIONS)


@each_net
@each_precision
def test_nets_are_granted_what_honest_roundings_add_up_to(net: str, precision: str) -> None:
    """Each bound is at least the error of every honest coding, with either loss and any place of the average."""
    assert too_narrow(net, precision) == {}


@each_net
@each_precision
def test_nets_are_not_granted_much_more(net: str, precision: str) -> None:
    """Each bound is at most a stated multiple of that error."""
    assert too_wide(net, precision) == {}


def test_samples_far_from_each_other_have_bounds() -> None:
    """Logits that all lie a thousand below those of another sample are as well known as those."""
    theta, T = [np.array([[1.0, 2.0]]), np.zeros(2)], one_hot(np.array([0, 1]), 2)
    for law in (network_rounding.bounds, network_rounding.deviations):
        far, near = (law(np.array([[1.0], [x]]), theta, T, DOUBLE).gradient[1] for x in (-1000.0, 1.0))
        assert (near > 0).all()
        assert (far < 1e4 * near).all()
    running = running_errors.network(np.array([[1000.0], [-1000.0]]), theta, T[::-1], DOUBLE)
    assert all(np.isfinite(each).all() for each in (running.probabilities, running.losses, *running.gradient))


@pytest.mark.parametrize(("errors_away", "is_decided"), [(0.5, False), (1.5, False), (1.9, False), (2.5, True)])
def test_units_that_two_codings_may_see_on_either_side_of_0_are_not_decided(
    errors_away: float, is_decided: bool
) -> None:
    """The unit may be off by one error here, and by another one in an honest coding."""
    p = Precision(2.0**-11, 2.0**-24)
    X, W = np.array([[1.0, 1.0, 1.0]]), np.array([[1.0], [1.0], [1.0]])
    theta, T = [W, np.array([-3.0]), np.ones((1, 2)), np.zeros(2)], np.array([[1.0, 0.0]])
    (error, _) = network_rounding.bounds(X, theta, T, p).sums
    theta[1] = np.array([-3.0 + errors_away * error[0, 0]])
    found = network_rounding.bounds(X, theta, T, p)
    ours = float((X @ W + theta[1])[0, 0])
    truth = ours - float(found.sums[0][0, 0])
    theirs = truth - float(found.sums[0][0, 0])
    assert (theirs > 0) == is_decided
    assert found.decided is is_decided


@pytest.mark.parametrize("k", [4, 30])
def test_the_loss_of_many_classes_is_granted_all_roundings(k: int) -> None:
    """2 K at a target that is unlikely: those of two sums, in each of which the largest term comes first."""
    Z, T = np.full((1, k), -8.0), one_hot(np.array([0]), k)
    Z[0, 1] = 0
    with localcontext(FIFTY_DIGITS):
        E = [exp(Number(z)) for z in Z[0]]
        coding = -one_by_one(E[1:]) / one_by_one([*E[1:], E[0]])
        (need,) = errors(coding, [DOUBLE])
    _, error = network_rounding._delta_of_loss(Z, T, np.zeros(Z.shape), DOUBLE, network_rounding._WORST)
    assert need <= error[0, 0] <= 2 * need


@pytest.mark.parametrize("size", [1e-3, 0.1, 0.25])
def test_errors_of_logits_are_granted_all_that_they_do_to_probabilities(size: float) -> None:
    """What is of second order, too: errors of either sign, in each logit."""
    Z, T = 3 * np.random.RandomState(0).randn(20, 3), one_hot(np.zeros(20, dtype=int), 3)
    delta, error = network_rounding._delta_of_loss(Z, T, np.full(Z.shape, size), DOUBLE, network_rounding._WORST)
    for signs in product((-1.0, 1.0), repeat=3):
        moved = probabilities(Z + size * np.array(signs)) - T
        assert (np.abs(moved - delta) <= error).all()


@pytest.mark.parametrize(
    ("module", "constant", "begins"),
    [(tolerances, "SECOND_ORDER", ""), (tolerances, "OWN_ROUNDING", "bounds")],
    ids=["running analysis", "Jacobian matrices"],
)
def test_narrower_and_wider_bounds_of_nets_are_seen(
    module: Any, constant: str, begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bound that is 2.5 times too narrow or too wide is detected, for each array of a network."""
    right = getattr(module, constant)
    parts = {what for what, nets in MOST.items() if what.startswith(begins) and (begins or ":" not in what)}
    monkeypatch.setattr(module, constant, 0.4 * right)
    assert parts <= set(too_narrow(_POSITIVE, "single"))
    monkeypatch.setattr(module, constant, 2.5 * right)
    assert parts <= set(too_wide(_POSITIVE, "single"))
