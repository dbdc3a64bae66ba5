"""A script that calls a user's functions with arguments of any structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.engine.evidence import literal
from reference.gradients.script import home

_MOST_LINES = 10


@dataclass(frozen=True)
class Script:
    """The lines of a script that make the two calls, with ``args`` and a ``cotangent``.

    Attributes
    ----------
    forward, vjp
        Lines that import and call the function.
    """

    forward: tuple[str, ...]
    vjp: tuple[str, ...]

    @classmethod
    def of(cls, named: tuple[Any, Any], forward: str, vjp: str) -> Script:
        """A script for two functions, by the expressions that call ``{forward}`` and ``{vjp}``."""
        (module, name), (other, gradient) = home(named[0], "forward"), home(named[1], "vjp")
        imports = {"forward": f"from {module} import {name}", "vjp": f"from {other} import {gradient}"}
        roles = []
        for call in (forward, vjp):
            used = list(dict.fromkeys(line for role, line in imports.items() if f"{{{role}}}" in call))
            *first, last = call.format(forward=name, vjp=gradient).splitlines()
            roles.append((*used, *first, f"print({last})"))
        return cls(*roles)

    def text(self, check: str, args: Any, *cotangent: Any) -> str | None:
        """The script, at most ten lines; None where an argument cannot be written down."""
        calls = self.vjp if cotangent else self.forward
        imports = [line for line in calls if line.startswith("from ")]
        try:
            given = [f"args = {source(args)}", *(f"cotangent = {source(each)}" for each in cotangent)]
        except ValueError:
            return None
        lines = ["import numpy as np", *imports, f"# {check}", *given, *calls[len(imports) :]]
        return "\n".join(lines) + "\n" if len(lines) <= _MOST_LINES else None


def source(value: Any) -> str:
    """An expression that makes the value again; raises ValueError where there is none."""
    if isinstance(value, np.ndarray):
        return literal(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {source(each)}" for key, each in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + "".join(f"{source(each)}, " for each in value).rstrip() + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(source, value)) + "]"
    if value is None or isinstance(value, str | bool | int | float):
        return repr(value)
    raise ValueError(f"expected numbers, strings and containers of these, got {type(value).__name__}")
