"""The library keeps the whole contract: one test for each check of the examiner."""

from __future__ import annotations

from collections.abc import Callable

import bp
import reference

#: Assignment 1: the softmax that overflows, and no compound layer.
NAIVE = {
    "LinearLayer": bp.LinearLayer,
    "ReLULayer": bp.ReLULayer,
    "SoftmaxLayer": bp.NaiveSoftmaxLayer,
    "LossCrossEntropy": bp.LossCrossEntropy,
    "MLP": bp.MLP,
}


@reference.parametrize_with_checks(bp)
def test_contract(check: Callable[[], None]) -> None:
    """Every promise of assignment 3."""
    check()


@reference.parametrize_with_checks(NAIVE, assignment=1, effort="quick")
def test_contract_of_assignment_1(check: Callable[[], None]) -> None:
    """Every promise of assignment 1, with the naive softmax."""
    check()
