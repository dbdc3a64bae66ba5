"""The executor for trusted code, such as one's own: it runs in this process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reference.execution.worker.perform import perform
from reference.execution.worker.protocol import Reply, Step, Work


class InProcess:
    """An `Executor` that runs the given classes in this process, without limits.

    Parameters
    ----------
    classes
        Maps each name of the contract to the class that implements it.
    missing
        Maps each name that the implementation lacks to the reason.
    causes
        Maps names of ``missing`` to one of `LOAD_CAUSES`, where it is known.
    """

    def __init__(
        self, classes: Mapping[str, type], missing: Mapping[str, str], causes: Mapping[str, str] | None = None
    ) -> None:
        self._classes = dict(classes)
        self._missing = dict(missing)
        self._causes = dict(causes or {})
        self.stand_ins: dict[str, None] = {}  # in this process there are none

    def missing(self) -> Mapping[str, str]:
        """Names of the contract's classes that the implementation lacks, each with the reason."""
        return self._missing

    def causes(self) -> Mapping[str, str]:
        """Of the missing names: one of `LOAD_CAUSES`, where it is known."""
        return self._causes

    def modules(self) -> Mapping[str, str]:
        """Always empty: a class that was passed in need not be importable from anywhere."""
        return {}

    def spent(self) -> float:
        """Seconds of processor time that this process has used so far, whoever used them."""
        return time.process_time()

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        """Perform the steps in order and return one reply for each, as `Executor.run` promises."""
        return perform(self._classes, steps)

    def run_all(self, requests: Iterable[Sequence[Step]], meanwhile: Iterable[Work] = ()) -> Iterator[list[Reply]]:
        """The replies to each list of steps, computed when they are asked for; ``meanwhile`` is never called."""
        return map(self.run, requests)
