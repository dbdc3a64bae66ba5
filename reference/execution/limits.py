"""What a submission may take, what it has taken so far, and how it is told that it has taken too much."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reference.execution.worker_process import EndedError

#: The least time between two looks at the clocks.
_SHORTEST = 0.005


@dataclass(frozen=True)
class Limits:
    """What a submission may take.

    Attributes
    ----------
    seconds
        Of processor time for all its answers together, its import and each start of its process included.
    memory
        Bytes of address space.
    wall
        Seconds of elapsed time for the whole, which also bound what sleeps or waits; None: 5 times ``seconds`` and a
        minute, since a busy machine has a part of its time for each process.
    """

    seconds: float = 60.0
    memory: int = 2**31
    wall: float | None = None

    @property
    def whole(self) -> float:
        """The elapsed time that there is."""
        return 5 * self.seconds + 60 if self.wall is None else self.wall

    def in_words(self) -> tuple[str, str]:
        """The limits of processor time and of elapsed time, after "the"."""
        derived = " (5 times --timeout and a minute)" if self.wall is None else ""
        processor = f"{self.seconds:g} s of processor time that --timeout allows for all answers together"
        return processor, f"{self.whole:g} s of elapsed time that everything together may take{derived}"


@dataclass(frozen=True)
class Share:
    """What one answer may take of the limits.

    Attributes
    ----------
    processor, wall
        Parts of `Limits.seconds` and of `Limits.whole`.
    grace
        Seconds of processor time besides.
    processor_message, wall_message
        What is said of an answer that takes more than the one or the other, before the limit.
    """

    processor: float
    wall: float
    processor_message: str
    wall_message: str
    grace: float = 0.0


REQUEST = Share(1 / 6, 1 / 4, "took more for one question than a sixth of", "did not answer within a quarter of")
#: The process cuts an import off itself, so that what has been defined counts; it is ended if that comes to nothing.
IMPORT = Share(1 / 2, 1 / 2, "took more than half of", "did not end within half of", grace=1.0)


class Budget:
    """What a submission has taken of its limits.

    Elapsed time runs from the beginning. As long as less than half of it has been spent in waiting for the submission
    it is not the submission that is slow, and goes on.

    Parameters
    ----------
    limits
        Of all its answers together.
    now
        The clock of elapsed time.
    """

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self.limits, self.now = limits, now
        self.waited = 0.0
        self._begun = now()
        self._earlier = 0.0
        self._of_this: Callable[[], float] = float

    def count(self, spent: Callable[[], float]) -> None:
        """Count the processor time of a new process from now on, besides what the ones before it have taken."""
        self._earlier = self.spent()
        self._of_this = spent

    def spent(self) -> float:
        """Processor time so far."""
        return self._earlier + self._of_this()

    def left(self, waited: float = 0.0) -> tuple[float, float]:
        """Processor time and elapsed time that are left; ``waited`` seconds have been waited and not been counted yet.

        Raises
        ------
        EndedError
            There is none.
        """
        whole = self.limits.whole
        processor = self.limits.seconds - self.spent()
        wall = max(whole - (self.now() - self._begun), whole / 2 - self.waited - waited)
        limit, whole_limit = self.limits.in_words()
        if processor <= 0:
            raise EndedError("timeout", f"took more than the {limit}")
        if wall <= 0:
            raise EndedError("timeout", f"was not done within the {whole_limit}", retry=False)
        return processor, wall


class Deadline:
    """How long one answer is waited for. Begins to count when it is made.

    Raises
    ------
    EndedError
        The limits are used up already.
    """

    def __init__(self, budget: Budget, share: Share) -> None:
        budget.left()
        self._budget, self._share = budget, share
        self._before, self._waited = budget.spent(), 0.0
        self._since: float | None = None

    @contextlib.contextmanager
    def waiting(self) -> Iterator[Callable[[], float]]:
        """Within, the time counts as waited; gives `left`."""
        self._since = self._budget.now()
        try:
            yield self.left
        finally:
            waited, self._since = self._budget.now() - self._since, None
            self._waited += waited
            self._budget.waited += waited

    def left(self) -> float:
        """Seconds in which no limit can be reached; at least a few thousandths.

        Raises
        ------
        EndedError
            This answer has taken more than its share, or the limits are used up.
        """
        limits, share = self._budget.limits, self._share
        waiting = 0.0 if self._since is None else self._budget.now() - self._since
        processor = share.processor * limits.seconds + share.grace - (self._budget.spent() - self._before)
        wall = share.wall * limits.whole - self._waited - waiting
        limit, whole = limits.in_words()
        if processor <= 0:
            raise EndedError("timeout", f"{share.processor_message} the {limit}")
        if wall <= 0:
            raise EndedError("timeout", f"{share.wall_message} the {whole}", retry=False)
        return max(_SHORTEST, min(processor, wall, *self._budget.left(waiting)))
