"""The comparison of softmax's formulas shows what each of them loses. Nothing is timed."""

from __future__ import annotations

import numpy as np
import pytest

from reference.numerics.oracles import ball, torch_autograd
from reports.study import formulas, saturation
from reports.study.bench import accuracy, search, softmax_cost
from reports.study.bench.families import families, one_hot
from reports.study.bench.tables import BenchError
from tests.comparing import needs_flint, needs_torch

pytestmark = pytest.mark.catalogue

TINY = {1: 2, 2: 6, 10: 4}
#: One unit of double precision is this part of a number, or half of it.
WHOLE = 2.0**52


def silent(text: str) -> None:
    pass


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("k", [1, 2, 7])
def test_families_are_finite_and_different(k: int, dtype: type) -> None:
    """There are ten families of finite logits, whose extremes are those of the precision."""
    drawn = dict(families(np.random.RandomState(0), 50, k, dtype))
    assert len(drawn) == 10
    for X in drawn.values():
        assert X.shape == (50, k)
        assert X.dtype == dtype
        assert np.isfinite(X).all()
    assert max(np.abs(X).max() for X in drawn.values()) > 0.9 * np.finfo(dtype).max


def test_targets_are_one_hot_and_often_the_sure_class() -> None:
    """In at least every other row the target is the class of the largest logit."""
    X = np.random.RandomState(0).randn(20, 5)
    T = one_hot(np.random.RandomState(0), X)
    assert (T.sum(axis=1) == 1).all()
    assert (X[::2].argmax(axis=1) == T[::2].argmax(axis=1)).all()


@needs_flint
def test_each_way_loses_what_it_is_known_to_lose() -> None:
    """The naive way gives NaN and false zeros, the usual one false zeros and inaccurate p, ours neither."""
    tables = {table.title: table for table in accuracy.measure(TINY, silent)}
    worst, single, product, *by_family = tables.values()
    assert len(by_family) == 10
    rows = {(row["of"], row["computed by"]): row for row in worst.rows}
    for quantity in ("p", "loss", "delta"):
        assert rows[quantity, "naive"]["max"] == np.inf
        assert rows[quantity, "naive"]["NaN, inf"] > 0
        assert rows[quantity, "usual stable"]["NaN, inf"] == 0
        assert rows[quantity, "ours"]["max"] <= 0.6
        assert rows[quantity, "ours"]["false zeros"] == rows[quantity, "ours"]["NaN, inf"] == 0
    assert rows["p", "usual stable"]["max"] > 100
    for quantity in ("loss", "delta"):
        assert rows[quantity, "usual stable"]["false zeros"] > 0
        assert WHOLE <= rows[quantity, "usual stable"]["max"] <= 2 * WHOLE
    assert {row["max"] <= 0.51 for row in single.rows if row["computed by"] == "ours"} == {True}
    shares = {row["computed by"]: row["of bound, max"] for row in product.rows}
    assert shares["ours"] <= 1 < shares["usual stable"]


@needs_flint
@needs_torch
def test_pytorch_and_the_usual_formulas_lose_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch is in every table; if it is absent, the reason is."""
    worst = accuracy.measure(TINY, silent)[0]
    zeros = {row["computed by"]: row["false zeros"] for row in worst.rows if row["of"] == "loss"}
    assert zeros["PyTorch"] == zeros["usual stable"] > 0
    monkeypatch.setattr(torch_autograd, "available", lambda: "PyTorch is not installed")
    worst = accuracy.measure({2: 2}, silent)[0]
    assert "PyTorch" not in {row["computed by"] for row in worst.rows}
    assert "PyTorch is not installed." in worst.note


def test_summary_counts() -> None:
    """Order statistics are not interpolated; a zero is false if another double is nearest to the truth."""
    errors = accuracy.Errors(np.array([0.25, 0.5, np.inf, 9e15]), np.array([True, False, False, True]))
    assert errors.summary() == {
        "max": np.inf, "99.9 %": np.inf, "median": 0.5, "false zeros": 1, "NaN, inf": 1, "numbers": 4,
    }  # fmt: skip


def test_the_usual_formulas_are_right_where_nothing_is_extreme() -> None:
    """All ways compute the same quantities, so that only their rounding is compared."""
    rng = np.random.RandomState(0)
    X, d = rng.randn(5, 4), rng.randn(5, 4)
    T = one_hot(rng, X)
    ours, (ways, missing) = formulas.OURS, formulas.available()
    assert len(ways) + len(missing) == 5
    for way in ways:
        assert np.allclose(way.softmax(X), ours.softmax(X), rtol=1e-13, atol=0)
        assert np.allclose(way.loss(X, T), ours.loss(X, T), rtol=1e-13, atol=0)
        assert np.allclose(way.delta(X, T), ours.delta(X, T), rtol=1e-12, atol=0)
        if way.vector_jacobian is not None and ours.vector_jacobian is not None:
            Y = ours.softmax(X)
            assert np.allclose(way.vector_jacobian(Y, d), ours.vector_jacobian(Y, d), rtol=1e-12, atol=1e-15)


def test_without_flint_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ball arithmetic the benchmark cannot run, and the report gives the reason instead of a figure."""
    monkeypatch.setattr(ball, "available", lambda: "python-flint is not installed")
    with pytest.raises(BenchError, match="accuracy: python-flint is not installed"):
        accuracy.measure(TINY, silent)
    assert saturation.measure() == {"missing": "python-flint is not installed"}


def test_cost_has_a_row_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are ratios to the usual formulas; without PyTorch its column is missing, and the reason is given."""
    monkeypatch.setattr(torch_autograd, "available", lambda: "PyTorch is not installed")
    table = softmax_cost.measure(((4, 3), (2, 5)), rounds=2)
    assert [(row["N"], row["K"]) for row in table.rows] == [(4, 3), (2, 5)]
    assert table.columns() == ["N", "K", "usual, us", "ours, ratio"]
    assert "PyTorch is not installed." in table.note


@needs_torch
def test_cost_of_pytorch_stands_beside_it() -> None:
    """If PyTorch is installed, its cost stands beside ours."""
    (row,) = softmax_cost.measure(((4, 3),), rounds=2).rows
    assert row["PyTorch, ratio"] > 0


@needs_flint
def test_saturation_tells_when_digits_end() -> None:
    """The usual formulas give 0 beyond 37, the naive ones NaN beyond 709; ours keeps its digits to the end."""
    measured = saturation.measure((1, 20, 45, 720, 740))
    facts = measured["summary"]
    assert measured["leads"] == [1, 20, 45, 720, 740]
    assert (facts["usual stable"]["first_false_zero"], facts["usual stable"]["first_nan"]) == (45, None)
    assert facts["naive"]["first_nan"] == 720
    assert (facts["ours"]["first_false_zero"], facts["ours"]["first_nan"]) == (None, None)
    assert facts["ours"]["worst"] == max(measured["loss"]["ours"] + measured["delta"]["ours"]) <= 0.6
    assert measured["loss"]["usual stable"][1] > 1e5


@needs_flint
def test_the_search_makes_errors_larger() -> None:
    """Climbing from hard rows finds errors larger than those of the rows, but none beyond what is promised."""
    rng = np.random.default_rng(0)
    for family, X in search.families(rng, 8, 4):
        T, softened = search.one_hot(rng, X), search.soft(rng, X)
        assert ((T == 1).sum(axis=1) == 1).all(), family
        for quantities, targets in ((search.ONE_HOT, T), (search.SOFT, softened)):
            for quantity, errors in quantities.items():
                worst = search.climb(rng, errors, X, targets)
                assert errors(X, targets).max() <= worst.error <= 0.6, (family, quantity)
                assert errors(worst.X[np.newaxis], worst.T[np.newaxis])[0] == worst.error


@needs_flint
def test_the_search_is_shown_by_quantity_and_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of the search has a row for each quantity, with its worst case and that of every family."""
    monkeypatch.setattr(search, "_LOGITS", 60)
    table = search.measure((2, 5), 1, silent)
    assert [row["of"] for row in table.rows] == [*search.ONE_HOT, *search.SOFT]
    for row in table.rows:
        in_families = [row[name] for name, _ in search.families(np.random.default_rng(0), 2, 2)]
        assert 0 < max(in_families) == row["worst"] <= 0.6


@needs_flint
def test_the_search_keeps_to_what_the_fast_path_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each ending and number of classes the search finds errors, and none beyond what is promised."""
    monkeypatch.setattr(search, "_LOGITS", 90)
    table = search.measure_fast((2, 10), 1, silent)
    assert [(row["ending"], row["of"], row["K"]) for row in table.rows] == [
        (ending, of, k) for ending in search.ENDINGS for of in ("loss", "delta") for k in (2, 10)
    ]
    for row in table.rows:
        assert 0.4 < row["one-hot"] <= row["promised"] == search.fast_bound(row["K"])
        assert 0.4 < row["soft"] <= row["promised"]


@needs_flint
@pytest.mark.measure
def test_no_search_finds_more_than_is_promised() -> None:
    """A long search finds no error beyond 0.6 units, nor beyond 0.55 in the loss of soft targets."""
    table = search.measure(search.CLASSES, 4, silent)
    worst = {row["of"]: row["worst"] for row in table.rows}
    assert max(worst.values()) < 0.6, worst
    assert worst["loss, soft targets"] < 0.55


def test_the_search_needs_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ball arithmetic there is no search."""
    monkeypatch.setattr(ball, "available", lambda: "python-flint is not installed")
    with pytest.raises(BenchError, match="search: python-flint is not installed"):
        search.measure((2,), 1, silent)
