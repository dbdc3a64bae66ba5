"""The examiner: judges implementations of the lab's layers against the definitions. It never imports ``bp``."""

from reference.findings import Finding
from reference.implementation import NotAnImplementation
from reference.verdict import check, parametrize_with_checks, passed

__all__ = ["Finding", "NotAnImplementation", "check", "parametrize_with_checks", "passed"]
