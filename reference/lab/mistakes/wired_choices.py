"""What a wrong choice in a network's method is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

FIRST = "Which does the loss take first: the predictions, or the targets?"
#: Makes a method of the choices that differ from the right ones, by name.
Method = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Choice:
    """One wrong choice.

    Attributes
    ----------
    name, value
        Which argument of the method's maker, and its wrong value.
    word
        Of the vocabulary.
    hint
        What to think about.
    estimated
        Constants, as they are told.
    further
        More words, where it is two mistakes at once.
    alone
        Whether it is never put together with another choice, which would take too long for what is rare.
    """

    name: str
    value: Any
    word: str
    hint: str
    estimated: tuple[tuple[str, str], ...] = ()
    further: tuple[str, ...] = ()
    alone: bool = False
