"""What the search for a repair is told of a gradient: so little that it can be told to a process that runs its code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]


class Sample(Protocol):
    """One case and one cotangent; see `reference.gradients.diagnosis.samples.Sample`."""

    @property
    def args(self) -> tuple[Array, ...]:
        """All arguments: the same tuple in samples of one case."""

    @property
    def cotangent(self) -> Array:
        """The weights of the outputs."""

    @property
    def answers(self) -> tuple[Array, ...]:
        """What was answered, for all arguments of floating point."""

    @property
    def truths(self) -> tuple[Array, ...]:
        """The right gradients, for all arguments of floating point."""

    @property
    def slack(self) -> tuple[Array, ...]:
        """How far each answer may be off."""


class Pattern(Protocol):
    """The arguments that were given; see `reference.gradients.arguments.Pattern`."""

    @property
    def args(self) -> tuple[Array, ...]:
        """All arguments, as they were given."""

    @property
    def differentiable(self) -> Sequence[int]:
        """The places of the arguments of floating point."""


class Functions(Protocol):
    """The functions that are judged; see `reference.gradients.subject.Subject`."""

    @property
    def vjp(self) -> Callable[..., Any]:
        """The vector-Jacobian product that is judged."""


class Asked(Protocol):
    """The functions whose code is searched; see `reference.gradients.context.Context`."""

    @property
    def pattern(self) -> Pattern:
        """The arguments that the functions are called with."""

    @property
    def subject(self) -> Functions:
        """The functions whose code is searched."""

    @property
    def dtype(self) -> Any:
        """The type of numbers that cotangents have."""

    def run_forward(self, args: Sequence[Array]) -> None:
        """Call ``forward`` and ignore its answer and its exceptions."""
