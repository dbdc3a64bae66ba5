"""The examiner: judges implementations of the lab's layers, and any numpy gradient. It never imports ``bp``."""

from reference.directions import find_wrong_entries, oracle_of
from reference.findings import Finding
from reference.gate import Judgement, judge
from reference.implementation import NotAnImplementation
from reference.verdict import check, parametrize_with_checks, passed
from reference.vjp import check_vjp

__all__ = [
    "Finding",
    "Judgement",
    "NotAnImplementation",
    "check",
    "check_vjp",
    "find_wrong_entries",
    "judge",
    "oracle_of",
    "parametrize_with_checks",
    "passed",
]
