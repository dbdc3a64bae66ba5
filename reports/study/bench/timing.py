"""Times programs so that they can be compared: in interleaved runs, by medians and by ratios within one round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Times:
    """The seconds that each contestant took, round by round."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """The median time of one contestant."""
        return median(self.seconds[name])

    def ratio(self, name: str, to: str) -> float:
        """The median over all rounds of the time of ``name`` divided by that of ``to``.

        If the machine is slow for a while, both are slow in that round, and their ratio stays the same.
        """
        pairs = zip(self.seconds[name], self.seconds[to], strict=False)
        return median(one / other for one, other in pairs)


def interleaved(
    contestants: Mapping[str, Callable[[], Any]],
    rounds: int,
    *,
    warm_up: int = 1,
    clock: Callable[[], float] | None = None,
) -> Times:
    """Run each contestant once in every round; ``warm_up`` rounds do not count.

    The order is reversed in every second round, and every two rounds a different one begins: what ran just before
    decides what is in the processor's cache, and must not be the same for one contestant in all rounds.
    """
    clock = clock or time.perf_counter
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(warm_up + rounds):
        turn = number // 2 % max(len(names), 1)
        order = names[turn:] + names[:turn]
        for name in order[::-1] if number % 2 else order:
            start = clock()
            contestants[name]()
            elapsed = clock() - start
            if number >= warm_up:
                seconds[name].append(elapsed)
    return Times(seconds)
