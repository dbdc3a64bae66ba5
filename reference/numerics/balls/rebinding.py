"""A copy of a function that sees proxies in place of what numpy does not dispatch: its globals, closures and helpers.

The function itself and its modules stay as they are. Functions, classes and objects of the same user are copied too;
libraries that compute outside Python are not.
"""

from __future__ import annotations

import builtins
import functools
import sys
import sysconfig
import types
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from flint import arb

from reference.numerics.balls import proxies
from reference.numerics.balls.array import BallArray, of_numbers
from reference.numerics.balls.scalar import Ball, boxed

_LIBRARIES = ("numpy", "scipy", "torch", "flint", "mpmath", "reference", "reports", "pytest", "_pytest")
_STANDARD = str(Path(sysconfig.get_paths()["stdlib"]))


def rebound(function: Callable[..., Any]) -> Callable[..., Any]:
    """The copy of a function, for one evaluation: objects that keep state are copied with it."""
    return _Rebinding().replaced(function)  # type: ignore[no-any-return]


def rebound_together(
    *functions: Callable[..., Any], exact: Collection[float] | None = None
) -> list[Callable[..., Any]]:
    """Copies of functions that share what they share, such as the object whose methods they are.

    With ``exact`` every array of doubles that they reach is one of balls: these numbers are exact, such as those of the
    parameters of a layer, and others are read as constants are.
    """
    walk = _Rebinding(exact)
    return [walk.replaced(function) for function in functions]


class _Rebinding:
    """One walk over what a function reaches."""

    def __init__(self, exact: Collection[float] | None = None) -> None:
        self._exact = exact
        self._modules = proxies.modules()
        self._objects = proxies.objects()
        self._memo: dict[int, Any] = {}
        self._kept: list[Any] = []  # whose identities are in the memo
        self._globals: dict[int, dict[str, Any]] = {}
        self._builtins = {**vars(builtins), "__import__": self._import, "float": proxies.AnyFloat}

    def replaced(self, value: Any) -> Any:
        """What the copy sees in place of a value."""
        if id(value) in self._memo:
            return self._memo[id(value)]
        if value is float:
            return proxies.AnyFloat
        for table in (self._modules, self._objects):
            if id(value) in table:
                return table[id(value)]
        found = self._copied(value)
        if found is not value and id(value) not in self._memo:
            self._remember(value, found)
        return found

    def _copied(self, value: Any) -> Any:  # noqa: PLR0911 - one kind of value a line
        if isinstance(value, types.FunctionType):
            return self._function(value) if _is_users(value.__module__) else value
        if isinstance(value, types.MethodType):
            return types.MethodType(self.replaced(value.__func__), self.replaced(value.__self__))
        if isinstance(value, functools.partial):
            given = {key: self.replaced(each) for key, each in value.keywords.items()}
            return functools.partial(self.replaced(value.func), *map(self.replaced, value.args), **given)
        if isinstance(value, np.vectorize) and value.signature is None and not value.excluded:
            return proxies.NUMPY["vectorize"](self.replaced(value.pyfunc), otypes=value.otypes)
        if isinstance(value, types.ModuleType):
            return _Lazy(value, self.replaced) if _is_users(value.__name__) else value
        if isinstance(value, type):
            return self._class(value) if _is_users(value.__module__) and not issubclass(value, Ball) else value
        if type(value) in {list, tuple, dict}:
            return self._container(value)
        if type(value) is np.ndarray:
            return self._array(value)
        if _is_users(type(value).__module__) and hasattr(value, "__dict__") and not isinstance(value, BallArray):
            return self._object(value)
        return value

    def _remember(self, value: Any, found: Any) -> None:
        self._memo[id(value)] = found
        self._kept.append(value)

    def _container(self, value: Any) -> Any:
        """The container with copies of what it holds, which may be itself."""
        if isinstance(value, tuple):
            return tuple(map(self.replaced, value))
        found = type(value)()
        self._remember(value, found)
        if isinstance(value, dict):
            found.update((key, self.replaced(each)) for key, each in value.items())
        else:
            found.extend(map(self.replaced, value))
        return found

    def _function(self, function: types.FunctionType) -> Any:
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None and not _is_users(function.__globals__.get("__name__", "")):
            return self.replaced(wrapped)
        space = self._globals.get(id(function.__globals__))
        if space is None:
            space = dict(function.__globals__)
            space["__builtins__"] = self._builtins
            self._globals[id(function.__globals__)] = space
        cells = None if function.__closure__ is None else tuple(types.CellType() for _ in function.__closure__)
        found = types.FunctionType(function.__code__, space, function.__name__, function.__defaults__, cells)
        self._remember(function, found)
        found.__defaults__ = tuple(map(self.replaced, function.__defaults__)) if function.__defaults__ else None
        if function.__kwdefaults__:
            found.__kwdefaults__ = {key: self.replaced(each) for key, each in function.__kwdefaults__.items()}
        found.__dict__.update(function.__dict__)
        for old, new in zip(function.__closure__ or (), cells or (), strict=True):
            try:
                new.cell_contents = self.replaced(old.cell_contents)
            except ValueError:  # a cell that is not filled yet
                continue
        for name in _names(function.__code__):
            if name in function.__globals__:
                space[name] = self.replaced(function.__globals__[name])
        return found

    def _array(self, array: Any) -> Any:
        """One of balls, if they are asked for; else a copy, since the function may write into it."""
        if self._exact is None or array.dtype != np.float64:
            return array.copy()
        numbers = [Ball(arb(x)) if x in self._exact else boxed(x) for x in array.ravel().tolist()]
        return of_numbers(numbers, array.shape)

    def _class(self, kind: type) -> type:
        bases = tuple(self.replaced(base) for base in kind.__bases__)
        body = {name: value for name, value in vars(kind).items() if name not in {"__dict__", "__weakref__"}}
        for slot in body.get("__slots__", ()):
            body.pop(slot, None)
        try:
            found = type(kind)(kind.__name__, bases, body)
        except TypeError:
            return kind
        self._remember(kind, found)
        for name, value in list(vars(found).items()):
            new = self._member(value)
            if new is not value:
                setattr(found, name, new)
        return found

    def _member(self, value: Any) -> Any:
        if isinstance(value, types.FunctionType):
            return self.replaced(value)
        if isinstance(value, property):
            return property(
                *(None if each is None else self.replaced(each) for each in (value.fget, value.fset, value.fdel))
            )
        if isinstance(value, staticmethod | classmethod):
            return type(value)(self.replaced(value.__func__))
        return value

    def _object(self, value: Any) -> Any:
        kind = self.replaced(type(value))
        try:
            found = object.__new__(kind)
        except TypeError:
            return value
        self._remember(value, found)
        for name, each in vars(value).items():
            found.__dict__[name] = self.replaced(each)
        return found

    def _import(self, name: str, *args: Any, **options: Any) -> Any:
        return self.replaced(builtins.__import__(name, *args, **options))


class _Lazy(types.ModuleType):
    """A user's module whose members are copied when they are asked for."""

    def __init__(self, module: types.ModuleType, replaced: Callable[[Any], Any]) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(_module=module, _replaced=replaced)

    def __getattr__(self, name: str) -> Any:
        return self._replaced(getattr(self._module, name))


@functools.cache
def _is_users(name: str | None) -> bool:
    """Whether a module is neither Python's nor one of the libraries that are left alone."""
    if not name or any(name == each or name.startswith(f"{each}.") for each in _LIBRARIES):
        return False
    module = sys.modules.get(name)
    place = getattr(module, "__file__", None)
    if place is None:
        return (
            name == "__main__"
            or module is None
            or (name not in sys.builtin_module_names and hasattr(module, "__path__"))
        )
    return "site-packages" in place or not place.startswith(_STANDARD)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
