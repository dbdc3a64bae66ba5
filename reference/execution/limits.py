"""How much time and memory a submission may use, how much it has used, and the messages for exceeding a limit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reference.execution.worker_process import EndedError, SecondsLeft

#: Seconds that pass at least between two looks at the clocks.
_MIN_WAIT = 0.005


@dataclass(frozen=True)
class Limits:
    """How much a submission may use.

    Attributes
    ----------
    seconds
        Seconds of processor time for all its replies together, including its import and each start of its process.
    memory
        Bytes of address space.
    wall
        Seconds of elapsed time for everything, which also limit code that sleeps or waits. None: 5 times ``seconds``
        and a minute, since on a busy machine a process gets only a part of the time.
    """

    seconds: float = 60.0
    memory: int = 2**31
    wall: float | None = None

    @property
    def whole(self) -> float:
        """Seconds of elapsed time for everything, ``wall`` or its default."""
        return 5 * self.seconds + 60 if self.wall is None else self.wall

    def in_words(self) -> tuple[str, str]:
        """Descriptions of the limits of processor time and of elapsed time, to be put after the word "the"."""
        derived = " (5 times --timeout and a minute)" if self.wall is None else ""
        processor = f"{self.seconds:g} s of processor time that --timeout allows for all answers together"
        return processor, f"{self.whole:g} s of elapsed time that everything together may take{derived}"


@dataclass(frozen=True)
class Share:
    """The part of the limits that one reply may use.

    Attributes
    ----------
    processor, wall
        Fractions of `Limits.seconds` and of `Limits.whole`.
    processor_message, wall_message
        The messages for a reply that uses more; a description of the limit follows.
    grace
        Additional seconds of processor time.
    """

    processor: float
    wall: float
    processor_message: str
    wall_message: str
    grace: float = 0.0


#: For the reply to one request.
REQUEST = Share(1 / 6, 1 / 4, "took more for one case than a sixth of", "did not answer within a quarter of")
#: For the import. The worker itself interrupts a long import, so that the classes defined until then count; only where
#: that fails is the process ended from outside.
IMPORT = Share(1 / 2, 1 / 2, "took more than half of", "did not end within half of", grace=1.0)


class Budget:
    """Keeps account of the time that a submission has used of its limits.

    Elapsed time counts from the construction. Exceeding it ends the submission only if at least half of it was spent
    waiting for the submission; otherwise the examiner itself is slow.

    Parameters
    ----------
    limits
        The limits for all replies together.
    now
        The clock of elapsed time, in seconds.

    Attributes
    ----------
    waited
        Seconds of elapsed time spent waiting for the submission so far.
    """

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self.limits, self.now = limits, now
        self.waited = 0.0
        self._begun = now()
        self._earlier = 0.0
        self._of_present: Callable[[], float] = float

    def count(self, spent: Callable[[], float]) -> None:
        """Count the processor time of a new process from now on, besides what those before it have used."""
        self._earlier = self.spent()
        self._of_present = spent

    def spent(self) -> float:
        """Seconds of processor time used so far, by all processes of the submission."""
        return self._earlier + self._of_present()

    def left(self, waited: float = 0.0) -> tuple[float, float]:
        """Seconds of processor time and of elapsed time that are left.

        Parameters
        ----------
        waited
            Seconds of waiting that `waited` does not include yet.

        Raises
        ------
        EndedError
            No processor time or no elapsed time is left.
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
    """Limits the time for one reply, counted from the construction.

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
        """Count the elapsed time of the block as time spent waiting; the value of the block is the function `left`."""
        self._since = self._budget.now()
        try:
            yield self.left
        finally:
            waited, self._since = self._budget.now() - self._since, None
            self._waited += waited
            self._budget.waited += waited

    def left(self) -> float:
        """Seconds during which no limit can be reached, so that nobody needs to look at the clocks; at least 0.005.

        Raises
        ------
        EndedError
            This reply has used more than its share, or the limits are used up.
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
        return max(_MIN_WAIT, min(processor, wall, *self._budget.left(waiting)))


def time_limit(seconds: float) -> SecondsLeft:
    """A limit of elapsed time for what the worker does before it runs the submission."""
    deadline = time.monotonic() + seconds

    def left() -> float:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise EndedError("timeout", f"took more than {seconds:g} s")
        return remaining

    return left
