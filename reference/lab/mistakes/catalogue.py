"""What a known mistake is, and how one is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc, isclass
from typing import Any

from reference.lab.mistakes import plain


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong implementation that somebody has written, or easily could.

    Attributes
    ----------
    name
        Of this one; no two share it.
    subject
        The ``Class.method`` that is wrong.
    word
        Of the vocabulary of mistakes.
    hint
        What to think about, in a student's terms; not the solution.
    classes
        All the contract's classes, right but for the subject's.
    """

    name: str
    subject: str
    word: str
    hint: str
    classes: dict[str, type]


#: Filled by `wrong`, in the order of the modules that use it.
CATALOGUE: list[Mistake] = []


def wrong(subject: str, word: str) -> Callable[[Any], Any]:
    """Enter the decorated method, or class, into the catalogue; its docstring is the hint.

    A function becomes the subject's method in a copy of the right class; a class stands for the whole class.
    """
    cls, _, method = subject.partition(".")

    def enter(body: Any) -> Any:
        made = body if isclass(body) else type(cls, (plain.CLASSES[cls],), {method: body})
        hint = " ".join(cleandoc(body.__doc__ or "").split())
        CATALOGUE.append(Mistake(f"{cls}.{body.__name__}", subject, word, hint, {**plain.CLASSES, cls: made}))
        return body

    return enter
