"""What a hypothesis is called that reproduces all answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

_Subject = TypeVar("_Subject")


@dataclass(frozen=True)
class Named:
    """A mistake that reproduces all answers.

    Attributes
    ----------
    word
        Of the vocabulary.
    constants
        What was estimated, by name, in words.
    is_exact
        Whether it tells more than any other word for the same answers.
    """

    word: str
    constants: tuple[tuple[str, str], ...] = ()
    is_exact: bool = False


def first_found(tests: Iterable[Callable[[_Subject], Iterator[Named]]], subject: _Subject) -> Iterator[Named]:
    """All that the first of some tests finds which finds anything."""
    for test in tests:
        found = list(test(subject))
        if found:
            yield from found
            return
