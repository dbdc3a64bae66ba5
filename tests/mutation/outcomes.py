"""What became of a mutant."""

from __future__ import annotations

from typing import NamedTuple

#: mutmut's codes.
KILLED, SURVIVED, UNTESTED, TIMEOUT = 1, 0, 33, 36
#: What none of the tests noticed.
ALIVE = frozenset({SURVIVED, UNTESTED})


class Outcome(NamedTuple):
    """What became of one mutant, and which tests say so.

    Attributes
    ----------
    code
        mutmut's.
    killer
        The test that failed; empty if none did, or if the process ended.
    reach
        Tests that run the statement.
    tried
        How many of them the mutant met before one failed or its time was used up.
    seconds
        Processor time that they took.
    """

    code: int
    killer: str = ""
    reach: int = 0
    tried: int = 0
    seconds: float = 0.0
