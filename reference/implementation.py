"""Finds the lab's classes in what somebody calls an implementation."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

#: The contract's classes; the naive softmax is one way to keep assignment 1, so it may be absent.
CLASSES = ("LinearLayer", "ReLULayer", "SoftmaxLayer", "LossCrossEntropy", "LossCrossEntropyForSoftmaxLogits", "MLP")
OPTIONAL = ("NaiveSoftmaxLayer",)


class NotAnImplementation(Exception):  # noqa: N818 - read by users as a sentence
    """None of the contract's classes could be found; the message says where was looked, and what to do."""


@dataclass(frozen=True)
class Implementation:
    """The classes that were found, and why the others were not."""

    name: str
    classes: Mapping[str, type]
    missing: Mapping[str, str]


def find(implementation: Any) -> Implementation:
    """The contract's classes in a module, a package folder, a file, a dotted module name, or a mapping.

    Raises
    ------
    NotAnImplementation
        None of the classes is there, or there is nothing of that name.
    """
    match implementation:
        case Mapping():
            return _chosen("a mapping", [dict(implementation)])
        case ModuleType():
            return _chosen(implementation.__name__, [vars(implementation)])
        case str() | Path():
            return _at(Path(implementation), str(implementation))
        case _:
            raise NotAnImplementation(
                "expected a module, a folder, a file, a module's name or a mapping of names to classes, "
                f"got {type(implementation).__name__}"
            )


def _at(path: Path, name: str) -> Implementation:
    if path.is_dir():
        return _chosen(name, [vars(module) for module in _modules_of(path)])
    if path.is_file():
        return _chosen(name, [vars(_module_from(path))])
    if all(part.isidentifier() for part in name.split(".")):
        try:
            return _chosen(name, [vars(importlib.import_module(name))])
        except ModuleNotFoundError as error:
            raise NotAnImplementation(f"there is no file, folder or module {name} ({error})") from error
    raise NotAnImplementation(f"there is no file or folder {name}")


def _modules_of(folder: Path) -> list[ModuleType]:
    """The package in ``folder``, or in its subfolder ``mlp``, or the flat modules in it."""
    for package in (folder, folder / "mlp"):
        if (package / "__init__.py").is_file():
            sys.path.insert(0, str(package.resolve().parent))
            try:
                module = importlib.import_module(package.resolve().name)
                return [module, *(_submodule(module, path) for path in sorted(package.glob("[a-z]*.py")))]
            finally:
                sys.path.pop(0)
    source = folder / "mlp" if (folder / "mlp").is_dir() else folder
    sys.path.insert(0, str(source.resolve()))
    try:
        return [_module_from(path) for path in sorted(source.glob("[a-z]*.py"))]
    finally:
        sys.path.pop(0)


def _submodule(package: ModuleType, path: Path) -> ModuleType:
    return importlib.import_module(f"{package.__name__}.{path.stem}")


def _module_from(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise NotAnImplementation(f"expected a Python file, got {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickling look there
    spec.loader.exec_module(module)
    return module


def _chosen(name: str, namespaces: list[dict[str, Any]]) -> Implementation:
    wanted = (*CLASSES, *OPTIONAL)
    found = {
        wish: next(namespace[wish] for namespace in namespaces if inspect.isclass(namespace.get(wish)))
        for wish in wanted
        if any(inspect.isclass(namespace.get(wish)) for namespace in namespaces)
    }
    if not found:
        raise NotAnImplementation(f"{name} has none of the classes {', '.join(CLASSES)}")
    missing = {wish: f"there is no class {wish} in {name}" for wish in CLASSES if wish not in found}
    return Implementation(name, found, missing)
