"""A script that calls a function and its gradient with the arguments of a counterexample."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reference.engine.evidence import literal
from reference.gradients.arguments import name_of
from reference.gradients.subject import Subject


def script_of(subject: Subject, counterexample: Mapping[str, Any], check: str) -> str | None:
    """At most ten lines; None where the counterexample does not hold all arguments.

    A function without a name that could be imported is called ``forward`` or ``vjp`` of ``your_module``.
    """
    names = [f"args[{number}]" for number in range(len(subject.pattern.args))]
    if not set(names) <= set(counterexample):
        return None
    of_vjp = "cotangent" in counterexample
    function = subject.vjp if of_vjp else subject.forward
    module, name = home(function, "vjp" if of_vjp else "forward")
    lines = ["import numpy as np", f"from {module} import {name}", f"# {check}"]
    if of_vjp:
        dtype = np.result_type(*subject.pattern.floats(subject.pattern.args))
        lines.append(f"cotangent = {literal(np.array(counterexample['cotangent'], dtype))}")
    arrays = (
        literal(np.array(counterexample[label], like.dtype))
        for label, like in zip(names, subject.pattern.args, strict=True)
    )
    lines.append(f"args = ({', '.join(arrays)},)")
    lines.append(f"print({name}({'cotangent, ' if of_vjp else ''}*args))")
    return "\n".join(lines) + "\n"


def home(function: Callable[..., Any], otherwise: str) -> tuple[str, str]:
    """The module of a function and its name there, or what a reader has to replace."""
    if isinstance(function, np.ufunc):
        return "numpy", function.__name__
    name, module = str(getattr(function, "__qualname__", "")), getattr(function, "__module__", None)
    if module == "__main__":
        module = Path(getattr(sys.modules["__main__"], "__file__", None) or "your_module").stem
    # What has no name of its own, or is inside a class or a function, cannot be imported by it.
    if name.isidentifier() and isinstance(module, str) and all(map(str.isidentifier, module.split("."))):
        return module, name
    shown = name_of(function, otherwise)
    return "your_module", shown if shown.isidentifier() else otherwise
