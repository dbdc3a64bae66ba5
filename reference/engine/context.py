"""What every check works with, whatever is judged; and the options that all examinations have."""

from __future__ import annotations

import zlib
from typing import Any, Literal, get_args

import numpy as np

from reference.numerics.generators import seeded
from reference.wording import Fact

Effort = Literal["quick", "normal", "exhaustive"]


class Context:
    """What checks work with.

    Attributes
    ----------
    seed
        Of all draws; the same seed draws the same cases.
    effort
        How many cases a check looks at.
    oracles
        Names of the oracles that the present check has asked, in order.
    notes
        What is told of the present check even if it passes.
    """

    seed: int
    effort: Effort
    oracles: list[str]
    notes: tuple[Fact, ...] = ()

    def start(self) -> None:
        """Forget what belongs to the check before."""
        self.oracles.clear()
        self.notes = ()

    def note(self, said: Fact) -> None:
        """Note something that is told of the present check even if it passes."""
        if said not in self.notes:
            self.notes = (*self.notes, said)

    def note_oracle(self, name: str) -> None:
        """Note that the truth came from the oracle of that name."""
        if name not in self.oracles:
            self.oracles.append(name)

    def rng(self, key: str) -> np.random.RandomState:
        """A generator for one check, independent of which other checks run."""
        return seeded((self.seed * 1_000_003 + zlib.crc32(key.encode())) % 2**32)


def checked_options(seed: Any, effort: Any) -> tuple[int, Effort]:
    """The options that all examinations have.

    Raises
    ------
    TypeError
        ``seed`` is no whole number.
    ValueError
        ``seed`` is below 0, or ``effort`` is not one of quick, normal and exhaustive.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed: expected a whole number of at least 0, got {seed!r}")
    if seed < 0:
        raise ValueError(f"seed: expected a whole number of at least 0, got {seed}")
    if effort not in get_args(Effort):
        raise ValueError(f"effort: expected one of {', '.join(get_args(Effort))}, got {effort!r}")
    return int(seed), effort
