"""Tells which absent modules the answers of a check depend on: see `reference.execution.worker.standins`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reference.execution.worker.protocol import Executor, Reply, Step, Work
from reference.wording import Fact


@dataclass
class Watched:
    """An `Executor` that notes from which stand-ins the code in another one has taken values.

    Attributes
    ----------
    executor
        The other one.
    stand_ins
        The names of the absent modules, in the order in which they were heard of.
    """

    executor: Executor
    stand_ins: dict[str, None] = field(default_factory=dict)

    def missing(self) -> Mapping[str, str]:
        """Names of the contract's classes that the implementation lacks, each with the reason."""
        return self.executor.missing()

    def causes(self) -> Mapping[str, str]:
        """Of the missing names: one of `LOAD_CAUSES`, where it is known."""
        return self.executor.causes()

    def modules(self) -> Mapping[str, str]:
        """Names of classes, each with the module that a script can import it from, as far as that is known."""
        return self.executor.modules()

    def spent(self) -> float:
        """Seconds of processor time that the implementation has used so far."""
        return self.executor.spent()

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        """The other executor's replies, of which it is noted from which stand-ins they have taken values."""
        return self._seen(self.executor.run(steps))

    def run_all(self, requests: Iterable[Sequence[Step]], meanwhile: Iterable[Work] = ()) -> Iterator[list[Reply]]:
        """The same for several requests; the work ``meanwhile`` is passed on."""
        return map(self._seen, self.executor.run_all(requests, meanwhile))

    def _seen(self, replies: list[Reply]) -> list[Reply]:
        for reply in replies:
            self.stand_ins |= dict.fromkeys(reply.stand_ins)
        return replies

    def told(self, came: Fact) -> Fact:
        """What came, with the names of the absent modules, if it does not tell by itself where it comes from."""
        cause = came.fields.get("cause")
        if not self.stand_ins or (came.kind == "type" and cause == "stand-in"):
            return came
        if came.kind == "raised" and cause not in {None, "stand-in"}:
            return came  # another cause is certain
        # The cause decides on the hint.
        fields = {**came.fields, "cause": "stand-in"}
        return Fact(came.kind, fields, came.more).and_("stand-ins used", names=tuple(self.stand_ins))
