"""What a known mistake is, and how one is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import cleandoc, isclass
from typing import Any

from reference.execution.in_process import InProcess
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
    further
        Words for the other mistakes of the same method, if it has several.
    estimated
        Constants that were estimated from answers, such as the factor by which they are scaled, by name.
    """

    name: str
    subject: str
    word: str
    hint: str
    classes: dict[str, type]
    further: tuple[str, ...] = ()
    estimated: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """All words, each once; ``word`` comes first."""
        return tuple(dict.fromkeys((self.word, *self.further)))

    def executor(self) -> InProcess:
        """Where it answers as an implementation does that is judged."""
        return InProcess(self.classes, {})


#: Filled by `wrong`, in the order of the modules that use it.
CATALOGUE: list[Mistake] = []


def wrong(subject: str, word: str, *further: str) -> Callable[[Any], Any]:
    """Enter the decorated method, or class, into the catalogue; its docstring is the hint.

    A function becomes the subject's method in a copy of the right class; a class stands for the whole class.
    """
    cls, _, _method = subject.partition(".")

    def enter(body: Any) -> Any:
        hint = " ".join(cleandoc(body.__doc__ or "").split())
        name = f"{cls}.{body.__name__}"
        CATALOGUE.append(Mistake(name, subject, word, hint, classes_with(subject, body), further))
        return body

    return enter


def classes_with(subject: str, body: Any) -> dict[str, type]:
    """The right classes, but for a method, or a class, that is wrong."""
    cls, _, method = subject.partition(".")
    made = body if isclass(body) else type(cls, (plain.CLASSES[cls],), {method: body})
    return {**plain.CLASSES, cls: made}
