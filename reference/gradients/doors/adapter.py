"""Makes of functions of any structure two functions of arrays, which `reference.gradients.check` can judge."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from reference.gradients.arguments import is_interval
from reference.gradients.doors.outputs import Outputs
from reference.gradients.doors.structure import Structure, places

Array = NDArray[Any]


@dataclass(frozen=True)
class Adapter:
    """A forward pass and its gradient as people write them, and as functions of arrays.

    Attributes
    ----------
    structure
        Of what is differentiated: a tuple of arguments, or parameters.
    arrays
        Those of the structure, as given.
    ask_forward
        From a value of the structure to the answer of the forward pass.
    ask_vjp
        From a cotangent and a value of the structure to gradients in that structure.
    named
        The functions that people know, after which findings are named: the forward pass and the gradient.
    is_arguments
        Whether the structure is a tuple of arguments, and not of parameters.
    outputs
        The structure of the answers of the forward pass.
    """

    structure: Structure
    arrays: tuple[Any, ...]
    ask_forward: Callable[[Any], Any]
    ask_vjp: Callable[[Any, Any], Any]
    named: tuple[Any, Any]
    is_arguments: bool = True
    outputs: Outputs = field(default_factory=Outputs)

    @property
    def forward(self) -> Callable[..., Any]:
        """The forward pass, from the arrays to one array."""

        def forward(*arrays: Any) -> Any:
            return self.outputs.joined(self.ask_forward(self.structure.build(arrays)), arrays)

        return _named_after(self.named[0], forward)

    @property
    def vjp(self) -> Callable[..., Any]:
        """The gradient, from a cotangent of the one array, and the arrays, to a tuple with a gradient for each."""

        def vjp(cotangent: Any, *arrays: Any) -> Any:
            weights = self.outputs.parted(cotangent, arrays)
            return tuple(self.structure.leaves(self.ask_vjp(weights, self.structure.build(arrays))))

        return _named_after(self.named[1], vjp)

    def definition(self, spec: Callable[..., Any] | None) -> Callable[..., Any] | None:
        """A definition that takes what the forward pass takes, from the arrays to one array."""
        if spec is None or not callable(spec):
            return spec
        return lambda *arrays: self.outputs.joined_tensors(spec(*self._positional(self.structure.build(arrays))))

    def domain(self, domain: Any) -> Any:
        """The open interval of each array; one interval or None stands for all the arrays of a structure."""
        return None if domain is None else _intervals(self.structure.template, domain)

    def inputs(self, legal: Any, fixed: Any, draw: Any) -> dict[str, Any]:
        """What a caller says of legal inputs, in terms of the arrays."""
        flat: dict[str, Any] = {"legal": legal, "draw": draw}
        if callable(legal):
            flat["legal"] = lambda *arrays: legal(*self._positional(self.structure.build(arrays)))
        if callable(draw):
            flat["draw"] = lambda rng: tuple(self.structure.leaves(draw(rng)))
        template = self.structure.template
        held = [fixed] if isinstance(fixed, int) else list(fixed)
        if held and isinstance(template, tuple) and all(isinstance(n, int) and n < len(template) for n in held):
            held = [place.number for number in held for place in places(template[number])]
        return flat | {"fixed": held}

    def _positional(self, value: Any) -> Any:
        """What the user's functions take: the arguments one by one, or the parameters as one."""
        return value if self.is_arguments else (value,)


def _intervals(template: Any, domain: Any) -> list[Any]:
    if isinstance(template, Mapping | list | tuple):
        if domain is None or is_interval(domain):
            parts: Any = [domain] * len(template)
        elif isinstance(template, Mapping) and isinstance(domain, Mapping):
            parts = [domain.get(key) for key in template]
        elif isinstance(domain, Sequence) and not isinstance(domain, str) and len(domain) == len(template):
            parts = domain
        else:
            raise ValueError(f"domain: expected one entry for each of the {len(template)} arguments, got {domain!r}")
        values = template.values() if isinstance(template, Mapping) else template
        return [found for each, part in zip(values, parts, strict=True) for found in _intervals(each, part)]
    return [domain] if hasattr(template, "number") else []


def _named_after(known: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under the name of one that people know."""
    names = [each for each in ("__module__", "__name__", "__qualname__") if isinstance(getattr(known, each, None), str)]
    functools.update_wrapper(function, known, assigned=names, updated=())
    del function.__wrapped__  # type: ignore[attr-defined]  # which update_wrapper has set
    return function
