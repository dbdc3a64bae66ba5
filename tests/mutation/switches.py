"""The switch in front of every function that has mutants: which of them is called.

mutmut's own looks its settings up in every call, which makes the tests twice as slow.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType
from typing import Any

from mutmut.mutation import trampoline

from tests.mutation.mutants import Mutant

_Function = Callable[..., Any]
#: Of each function with mutants: its original and its mutants by mutmut's names.
_variants: list[dict[str, _Function]] = []
#: The functions with mutants that have been called, by `number`; whoever wants to know empties it first.
called: set[int] = set()


def install() -> None:
    """Take the place of mutmut's; before anything that has mutants is imported."""
    trampoline.wrap_in_trampoline = _switched


def become(mutant: Mutant) -> None:
    """From now on this mutant runs, in the place of its original.

    Raises
    ------
    LookupError
        No module that has been imported has it.
    """
    variants = _variants_with(mutant)
    variants["now"] = variants[_short(mutant)]


def codes(mutant: Mutant) -> tuple[CodeType, CodeType]:
    """Of its original, and its own; raises as `become`."""
    variants = _variants_with(mutant)
    original, changed = (
        getattr(each, "__func__", each) for each in (variants["_mutmut_orig"], variants[_short(mutant)])
    )
    return original.__code__, changed.__code__


def number(mutant: Mutant) -> int:
    """The number of its function, the same in all forks; raises as `become`."""
    return id(_variants_with(mutant))


def _variants_with(mutant: Mutant) -> dict[str, _Function]:
    name = _short(mutant)
    for variants in _variants:
        if name in variants and f"{variants[name].__module__}.{name}" == mutant.name:
            return variants
    raise LookupError(f"expected a mutant of a module that is imported, got {mutant.name}")


def _short(mutant: Mutant) -> str:
    return mutant.name.rpartition(".")[2]


def _switched(variants: dict[str, _Function], is_classmethod: bool = False) -> Callable[[_Function], _Function]:
    _variants.append(variants)  # mutmut fills it when the class is made

    def decorate(function: _Function) -> _Function:
        @functools.wraps(function)
        def switch(*args: Any, **kwargs: Any) -> Any:
            called.add(id(variants))
            chosen = variants["now"] if "now" in variants else variants["_mutmut_orig"]
            if is_classmethod:
                return getattr(args[0], chosen.__name__)(*args[1:], **kwargs)
            return chosen(*args, **kwargs)

        return switch

    return decorate
