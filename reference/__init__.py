"""The examiner: judges implementations of the lab's layers, and any numpy gradient. It never imports ``bp``."""

from reference.execution.implementation import NotAnImplementation
from reference.findings import Finding, Findings, passed
from reference.gate import Judgement, judge
from reference.gradients import check_function, check_gradient, check_layer, check_vjp
from reference.lab.check import check, parametrize_with_checks
from reference.numerics.directions import find_wrong_entries, oracle_of

__all__ = [
    "Finding",
    "Findings",
    "Judgement",
    "NotAnImplementation",
    "check",
    "check_function",
    "check_gradient",
    "check_layer",
    "check_vjp",
    "find_wrong_entries",
    "judge",
    "oracle_of",
    "parametrize_with_checks",
    "passed",
]
