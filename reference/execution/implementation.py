"""Finds the classes of the lab's contract in a module, a file, a folder or a mapping."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from reference.execution.worker import loading, versions

#: The contract's classes. The naive softmax may be absent: it is only one way to solve assignment 1.
CLASSES = ("LinearLayer", "ReLULayer", "SoftmaxLayer", "LossCrossEntropy", "LossCrossEntropyForSoftmaxLogits", "MLP")
OPTIONAL = ("NaiveSoftmaxLayer",)
#: The message for an empty path.
EMPTY = "expected the path of an implementation, got an empty one"


class NotAnImplementation(Exception):  # noqa: N818 - read by users as a sentence
    """None of the contract's classes could be found; the message says where they were looked for and what to do."""


@dataclass(frozen=True)
class Implementation:
    """The classes of one implementation.

    Attributes
    ----------
    name
        What the implementation is called in messages.
    classes
        Maps each of the contract's names that was found to its class.
    missing
        Maps each of `CLASSES` that was not found to the reason.
    causes
        As in `Executor.causes`.
    """

    name: str
    classes: Mapping[str, type]
    missing: Mapping[str, str]
    causes: Mapping[str, str]


def find(implementation: Any) -> Implementation:
    """Find the contract's classes in a module, a package folder, a file, a dotted module name, or a mapping.

    Raises
    ------
    NotAnImplementation
        There is nothing of that name, it holds none of the classes, it holds several implementations of which none
        is preferred, or it imports a module that is not installed.
    """
    match implementation:
        case Mapping():
            return _from_namespace("a mapping", implementation)
        case ModuleType():
            return _from_namespace(implementation.__name__, vars(implementation))
        case str() | Path():
            return _from_path(Path(implementation), str(implementation))
        case _:
            raise NotAnImplementation(
                "expected a module, a folder, a file, a module's name or a mapping of names to classes, "
                f"got {type(implementation).__name__}"
            )


def _from_path(path: Path, name: str) -> Implementation:
    if not name.strip():
        raise NotAnImplementation(EMPTY)
    if path.exists():
        try:
            found = loading.load(path.resolve(), CLASSES, OPTIONAL)
        except ModuleNotFoundError as error:
            hint = f"bp check {name} judges it in a process that has stand-ins for plotting and the like"
            raise NotAnImplementation(f"{name} imports {error.name}, which is not installed; {hint}") from error
        if found.tied:
            raise NotAnImplementation(versions.ambiguity(found.tied, name))
        return _checked(name, found.classes, found.missing, found.causes)
    if all(part.isidentifier() for part in name.split(".")):
        try:
            return _from_namespace(name, vars(importlib.import_module(name)))
        except ModuleNotFoundError as error:
            raise NotAnImplementation(f"there is no file, folder or module {name} ({error})") from error
    raise NotAnImplementation(f"there is no file or folder {name}")


def _from_namespace(name: str, namespace: Mapping[str, Any]) -> Implementation:
    wanted = (*CLASSES, *OPTIONAL)
    return _checked(name, {each: namespace[each] for each in wanted if inspect.isclass(namespace.get(each))}, {}, {})


def _checked(
    name: str, classes: Mapping[str, type], reasons: Mapping[str, str], causes: Mapping[str, str]
) -> Implementation:
    missing = {each: f"there is no class {each} in {name}" for each in CLASSES if each not in classes} | dict(reasons)
    if not classes:
        raise NotAnImplementation(f"{name} has none of the classes {', '.join(CLASSES)}")
    return Implementation(name, classes, missing, causes)
