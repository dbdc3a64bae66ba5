"""Wrong codings by a second hand: what one is, and how one is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from reference.lab.mistakes.catalogue import classes_with


@dataclass(frozen=True, eq=False)
class Coding:
    """A wrong implementation.

    Attributes
    ----------
    name
        Of this one; no two share it.
    subject
        The ``Class.method`` that is wrong.
    words
        Of the vocabulary of mistakes: all that a fair person accepts as this mistake's name.
    what
        What is wrong, in one sentence.
    classes
        All the contract's classes, right but for the subject's.
    both
        There are two mistakes, and both words must be said.
    """

    name: str
    subject: str
    words: tuple[str, ...]
    what: str
    classes: dict[str, type]
    both: bool = False


#: Filled by `coded` and `coded_both`, in the order of the modules that use them.
CODINGS: list[Coding] = []


def coded(subject: str, *words: str) -> Callable[[Any], Any]:
    """Enter the decorated method, or class; one of the words is enough as its name."""
    return _entered(subject, words, both=False)


def coded_both(subject: str, word1: str, word2: str) -> Callable[[Any], Any]:
    """Enter the decorated method, or class, with two mistakes; both must be named."""
    return _entered(subject, (word1, word2), both=True)


def _entered(subject: str, words: tuple[str, ...], both: bool) -> Callable[[Any], Any]:
    cls = subject.partition(".")[0]

    def enter(body: Any) -> Any:
        what = " ".join(cleandoc(body.__doc__ or "").split())
        CODINGS.append(Coding(f"{cls}.{body.__name__}", subject, words, what, classes_with(subject, body), both))
        return body

    return enter
