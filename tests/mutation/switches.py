"""The switch in front of every function that has mutants: which of them is called, and which functions are.

mutmut's own looks its settings up in every call, which makes the tests twice as slow.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from mutmut.mutation import trampoline

_Function = Callable[..., Any]
#: Of each function with mutants: its original and its mutants by mutmut's names.
_variants: list[dict[str, _Function]] = []
#: Functions that were called since the set was last emptied, as mutmut names them, while ``tracing``.
called: set[str] = set()
tracing = False


def install() -> None:
    """Take the place of mutmut's; before anything that has mutants is imported."""
    trampoline.wrap_in_trampoline = _switched


def become(mutant: str) -> None:
    """From now on this mutant runs, in the place of its original.

    Raises
    ------
    LookupError
        No module that has been imported has it.
    """
    module, _, name = mutant.rpartition(".")
    for variants in _variants:
        if name in variants and variants[name].__module__ == module:
            variants["now"] = variants[name]
            return
    raise LookupError(f"expected a mutant of a module that is imported, got {mutant}")


def trace() -> None:
    """From now on `called` tells."""
    global tracing  # noqa: PLW0603
    tracing = True


def _switched(variants: dict[str, _Function], is_classmethod: bool = False) -> Callable[[_Function], _Function]:
    _variants.append(variants)  # mutmut fills it when the class is made

    def decorate(function: _Function) -> _Function:
        @functools.wraps(function)
        def switch(*args: Any, **kwargs: Any) -> Any:
            if tracing:
                original = variants["_mutmut_orig"]
                called.add(f"{original.__module__}.{original.__name__.removesuffix('__mutmut_orig')}")
            chosen = variants["now"] if "now" in variants else variants["_mutmut_orig"]
            if is_classmethod:
                return getattr(args[0], chosen.__name__)(*args[1:], **kwargs)
            return chosen(*args, **kwargs)

        return switch

    return decorate
