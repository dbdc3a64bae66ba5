"""Runs an implementation's code in this process: for code that is trusted, such as one's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reference.execution.worker.perform import perform
from reference.execution.worker.protocol import Reply, Step, Work


class InProcess:
    """A `Executor` over classes of this process.

    Parameters
    ----------
    classes
        The contract's names and the classes that bear them.
    missing
        Names that are not there, and why not.
    causes
        See `Executor.causes`.
    """

    def __init__(
        self, classes: Mapping[str, type], missing: Mapping[str, str], causes: Mapping[str, str] | None = None
    ) -> None:
        self._classes = dict(classes)
        self._missing = dict(missing)
        self._causes = dict(causes or {})

    def missing(self) -> Mapping[str, str]:
        """See `Executor`."""
        return self._missing

    def causes(self) -> Mapping[str, str]:
        """See `Executor`."""
        return self._causes

    def modules(self) -> Mapping[str, str]:
        """See `Executor`: not known, since classes may have been made for the occasion."""
        return {}

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        """See `Executor`."""
        return perform(self._classes, steps)

    def run_all(self, questions: Iterable[Sequence[Step]], meanwhile: Iterable[Work] = ()) -> Iterator[list[Reply]]:
        """See `Executor`: nothing is awaited here."""
        return (self.run(steps) for steps in questions)
