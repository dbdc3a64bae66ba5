"""What was expected and what came, as records that programs read; `str` gives the sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reference.wording import sentences


@dataclass(frozen=True, eq=False)
class Fact:
    """Something that was expected, that came, or that is the reason for a skip.

    Attributes
    ----------
    kind
        A key of `reference.wording.sentences.SENTENCES`, such as ``shape`` or ``raised``.
    fields
        The values that the kind has, by name: numbers, names, shapes, indices.
    more
        Circumstances that belong to it, such as the memory layout in which an answer was expected.
    """

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    more: tuple[Fact, ...] = ()

    def __getitem__(self, name: str) -> Any:
        """The field of that name; raises KeyError if the kind does not have it."""
        return self.fields[name]

    def __eq__(self, other: object) -> bool:
        """Equal in kind, fields and circumstances; a NaN is like a NaN here."""
        return isinstance(other, Fact) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str, tuple[Fact, ...]]:
        return self.kind, repr(sorted(self.fields.items())), self.more

    def __str__(self) -> str:
        """The sentence, with those of its circumstances."""
        return sentences.sentence(self.kind, self.fields) + "".join(map(str, self.more))

    def and_(self, kind: str, **fields: Any) -> Fact:
        """The same fact with one more circumstance; raises as `fact`."""
        return replace(self, more=(*self.more, fact(kind, **fields)))


def fact(kind: str, **fields: Any) -> Fact:
    """A fact of that kind.

    Raises
    ------
    LookupError
        There is no such kind, or its sentence needs other fields.
    """
    expected = sentences.fields_of(kind)
    if not expected <= set(fields):
        raise LookupError(f"expected the fields {sorted(expected)} for {kind!r}, got {sorted(fields)}")
    return Fact(kind, fields)
