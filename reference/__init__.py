"""The examiner: judges implementations of the lab's layers, and any numpy gradient. It never imports ``bp``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

#: Where the names are. Each process that judges needs some of them, and imports no others: `bp check` starts several.
_MODULES = {
    "reference.execution.implementation": ("NotAnImplementation",),
    "reference.findings": ("Finding", "Findings", "passed"),
    "reference.gate": ("Judgement", "judge"),
    "reference.gradients": ("check_function", "check_gradient", "check_layer", "check_vjp"),
    "reference.lab.check": ("check", "parametrize_with_checks"),
    "reference.numerics.directions": ("find_wrong_entries", "oracle_of"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """The object of a public name, whose module is imported when it is first asked for (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
