"""Times that can be compared: interleaved runs, medians, and ratios within one round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Times:
    """Seconds of each contestant, round by round."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """Of one contestant."""
        return median(self.seconds[name])

    def ratio(self, name: str, to: str) -> float:
        """The median over rounds of one contestant's time over another's.

        What slows a machine down for a while slows down both in that round, so that it leaves the ratio alone.
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
    """Let each run once a round, in an order that turns, after rounds that do not count."""
    clock = clock or time.perf_counter
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(warm_up + rounds):
        turn = number % max(len(names), 1)
        for name in names[turn:] + names[:turn]:
            start = clock()
            contestants[name]()
            elapsed = clock() - start
            if number >= warm_up:
                seconds[name].append(elapsed)
    return Times(seconds)
