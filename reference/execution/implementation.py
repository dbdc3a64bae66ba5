"""Finds the lab's classes in what somebody calls an implementation."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from reference.execution.worker import choosing, loading

#: The contract's classes; the naive softmax is one way to keep assignment 1, so it may be absent.
CLASSES = ("LinearLayer", "ReLULayer", "SoftmaxLayer", "LossCrossEntropy", "LossCrossEntropyForSoftmaxLogits", "MLP")
OPTIONAL = ("NaiveSoftmaxLayer",)
#: What to say of a path that is empty.
EMPTY = "expected the path of an implementation, got an empty one"


class NotAnImplementation(Exception):  # noqa: N818 - read by users as a sentence
    """None of the contract's classes could be found; the message says where was looked, and what to do."""


@dataclass(frozen=True)
class Implementation:
    """The classes that were found, and why the others were not; ``causes`` as in `Executor.causes`."""

    name: str
    classes: Mapping[str, type]
    missing: Mapping[str, str]
    causes: Mapping[str, str]


def find(implementation: Any) -> Implementation:
    """The contract's classes in a module, a package folder, a file, a dotted module name, or a mapping.

    Raises
    ------
    NotAnImplementation
        None of the classes is there, or there is nothing of that name.
    """
    match implementation:
        case Mapping():
            return _chosen("a mapping", implementation)
        case ModuleType():
            return _chosen(implementation.__name__, vars(implementation))
        case str() | Path():
            return _at(Path(implementation), str(implementation))
        case _:
            raise NotAnImplementation(
                "expected a module, a folder, a file, a module's name or a mapping of names to classes, "
                f"got {type(implementation).__name__}"
            )


def _at(path: Path, name: str) -> Implementation:
    if not name.strip():
        raise NotAnImplementation(EMPTY)
    if path.exists():
        try:
            found = loading.load(path.resolve(), CLASSES, OPTIONAL)
        except ModuleNotFoundError as error:
            hint = f"bp check {name} judges it in a process that has stand-ins for plotting and the like"
            raise NotAnImplementation(f"{name} imports {error.name}, which is not installed; {hint}") from error
        if found.tied:
            raise NotAnImplementation(choosing.told(found.tied, name))
        return _complete(name, found.classes, found.missing, found.causes)
    if all(part.isidentifier() for part in name.split(".")):
        try:
            return _chosen(name, vars(importlib.import_module(name)))
        except ModuleNotFoundError as error:
            raise NotAnImplementation(f"there is no file, folder or module {name} ({error})") from error
    raise NotAnImplementation(f"there is no file or folder {name}")


def _chosen(name: str, namespace: Mapping[str, Any]) -> Implementation:
    wanted = (*CLASSES, *OPTIONAL)
    return _complete(name, {wish: namespace[wish] for wish in wanted if inspect.isclass(namespace.get(wish))}, {}, {})


def _complete(
    name: str, classes: Mapping[str, type], reasons: Mapping[str, str], causes: Mapping[str, str]
) -> Implementation:
    missing = {wish: f"there is no class {wish} in {name}" for wish in CLASSES if wish not in classes} | dict(reasons)
    if not classes:
        raise NotAnImplementation(f"{name} has none of the classes {', '.join(CLASSES)}")
    return Implementation(name, classes, missing, causes)
