"""Findings about flattened arrays, in the names of those who wrote the structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import Finding, Findings
from reference.gradients.doors.adapter import Adapter
from reference.gradients.doors.outputs import Shapes
from reference.gradients.doors.scripts import Script
from reference.wording import Fact


def translated(
    findings: Findings, adapter: Adapter, script: Script | None, *, takes_cotangent: bool = True
) -> Findings:
    """The same findings, in which each array has the name that a user gives it.

    Parameters
    ----------
    findings
        About the flat functions.
    adapter
        Which has made them.
    script
        Which calls the user's functions; None where none can be written.
    takes_cotangent
        Whether the user's gradient has a cotangent, which is told then.
    """
    if not takes_cotangent:
        findings = Findings(replace(each, counterexample=_without_cotangent(each)) for each in findings)
    return Findings(_translated(each, adapter, script) for each in findings)


def _without_cotangent(finding: Finding) -> dict[str, Any]:
    return {name: value for name, value in finding.counterexample.items() if name != "cotangent"}


def _translated(finding: Finding, adapter: Adapter, script: Script | None) -> Finding:
    names = _names(adapter)
    shapes = _shapes(finding, adapter)
    due, came = (None if each is None else _fact(each, names, adapter, shapes) for each in (finding.due, finding.came))
    index = finding.index
    if index is not None and finding.due is not None and finding.due.fields.get("what") == "forward":
        place = adapter.outputs.place(tuple(index), shapes)
        index = index if place is None else place[1]
    return replace(
        finding,
        due=due,
        came=came,
        expected=finding.expected if due is None else str(due),
        actual=finding.actual if came is None else str(came),
        index=index,
        counterexample=_counterexample(finding, adapter, names),
        evidence=finding.evidence
        and replace(finding.evidence, name=names.get(finding.evidence.name, finding.evidence.name)),
        repro=_script(finding, adapter, script),
    )


def _names(adapter: Adapter) -> dict[str, str]:
    """What findings about flat arrays call them, and what users do."""
    found = {}
    for number, name in enumerate(adapter.structure.names):
        found[f"args[{number}]"] = name
        plain = name.removeprefix("args[").removesuffix("]")
        found[f"gradient[{number}]"] = f"gradient[{plain}]" if plain.isdigit() else f"gradient of {name}"
    return found


def _shapes(finding: Finding, adapter: Adapter) -> Shapes:
    flat = (finding.counterexample.get(f"args[{number}]", 0.0) for number in range(len(adapter.arrays)))
    return tuple(np.shape(each) for each in flat)


def _fact(said: Fact, names: Mapping[str, str], adapter: Adapter, shapes: Shapes) -> Fact:
    fields = {key: _renamed(value, names) for key, value in said.fields.items()}
    if said.fields.get("what") == "forward" and "index" in fields:
        place = adapter.outputs.place(tuple(fields["index"]), shapes)
        if place is not None:
            fields["what"], fields["index"] = place
    return replace(said, fields=fields, more=tuple(_fact(each, names, adapter, shapes) for each in said.more))


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, tuple):
        return tuple(_renamed(each, names) for each in value)
    return value


def _counterexample(finding: Finding, adapter: Adapter, names: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    flat = _arrays(finding, adapter)
    for name, value in finding.counterexample.items():
        weights = adapter.outputs.parted(np.asarray(value, float), flat) if name == "cotangent" and flat else value
        found[names.get(name, name)] = value if isinstance(weights, np.ndarray) else _lists(weights)
    return found


def _lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _lists(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_lists(each) for each in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def _arrays(finding: Finding, adapter: Adapter) -> list[NDArray[Any]] | None:
    """The arrays of the counterexample; None where it does not hold all of them."""
    names = [f"args[{number}]" for number in range(len(adapter.arrays))]
    if not set(names) <= set(finding.counterexample):
        return None
    pairs = zip(names, adapter.arrays, strict=True)
    return [np.array(finding.counterexample[name], np.asarray(like).dtype) for name, like in pairs]


def _script(finding: Finding, adapter: Adapter, script: Script | None) -> str | None:
    """The script that shows the finding; None where no script shows it, or the arguments cannot be written down."""
    flat = _arrays(finding, adapter)
    if script is None or flat is None or finding.repro is None:
        return None
    args = adapter.structure.build(flat)
    if "cotangent" not in finding.counterexample:
        return script.text(finding.check, args)
    floats = [array for array in flat if array.dtype.kind == "f"]
    cotangent = np.array(finding.counterexample["cotangent"], np.result_type(*floats))
    return script.text(finding.check, args, adapter.outputs.parted(cotangent, flat))
