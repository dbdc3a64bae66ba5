"""What a hypothesis is called that reproduces all answers."""

from __future__ import annotations

from dataclasses import dataclass


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
