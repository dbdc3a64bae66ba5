"""Modules in the place of those that are not here: plotting, progress bars, whatever a submission imports at its top.

They let the import go on, and do nothing: what is judged needs numpy alone.
"""

from __future__ import annotations

import dis
import functools
import importlib.machinery
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

_OPERATORS = (
    "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "pow",
    "rpow", "matmul", "rmatmul", "and", "rand", "or", "ror", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert",
)  # fmt: skip
_UNPACK = dis.opmap["UNPACK_SEQUENCE"]


#: In what is said of an answer that is a stand-in.
CAME_FROM = "it came from the stand-in for"


def _nothing(here: Any, *_: Any) -> Any:
    return _same(here)()


@functools.cache
def _nothing_of(name: str) -> Any:
    """The class that stands for what is in the absent module of that name."""
    return _CalmType("Nothing", (Nothing,), {"standing_for": name, "__module__": __name__})


def _same(here: Any) -> Any:
    """The class that stands for the same module as an object, or class, that does."""
    return _nothing_of(_module_of(here))


def _module_of(here: Any) -> str:
    name = getattr(here, "standing_for", "")
    return name if type(name) is str else ""  # a class made from ours may call something else so


def describe_stand_in(value: Any) -> str | None:
    """What to say of an object that stands for one of an absent module; None for any other."""
    if not isinstance(value, _Calm):
        return None
    return f"nothing: {CAME_FROM} {_module_of(value) or 'something'}, a module that is not here"


class _Calm:
    """What can be asked of an absent object, and of its class: to no end, and without effect."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return _same(self)

    def __getitem__(self, _: Any) -> Any:
        return _same(self)()

    def __setitem__(self, _: Any, __: Any) -> None:
        pass

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return itertools.repeat(_same(self)(), _number_wanted())

    def __len__(self) -> int:
        return 0

    def __index__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0

    def __format__(self, _: str) -> str:
        return ""

    def __array_ufunc__(self, *_: Any, **__: Any) -> Any:
        """Numpy would take it for an array without entries, and nobody would know any more where that came from."""
        return _same(self)()


for _name in _OPERATORS:
    setattr(_Calm, f"__{_name}__", _nothing)


class _CalmType(_Calm, type):
    """The class of `Nothing`, which is looked into as well: ``torch.nn.Module``."""


class Nothing(_Calm, metaclass=_CalmType):
    """Stands for every object of an absent module: can be called, looked into, entered, run through, reckoned with."""

    standing_for = ""

    def __new__(cls, *given: Any, **__: Any) -> Any:
        """Whatever it is made from; a function that it decorates stays as it is."""
        return given[0] if "standing_for" in vars(cls) and _is_decorated(given) else super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Whatever it is made from."""

    def __call__(self, *given: Any, **__: Any) -> Any:
        """Whatever it is asked."""
        return given[0] if _is_decorated(given) else _same(self)()


def _is_decorated(given: Sequence[Any]) -> bool:
    return len(given) == 1 and type(given[0]) is FunctionType


def _number_wanted() -> int:
    """How many names the code two frames up unpacks into (``line, = ax.plot(x)``); 0 where it runs a loop, say."""
    frame = sys._getframe(2)
    code, place = frame.f_code.co_code, frame.f_lasti
    return code[place + 1] if place >= 0 and code[place] == _UNPACK else 0


class Bar(Nothing):
    """A progress bar that shows nothing, and runs through what it was given."""

    def __init__(self, iterable: Iterable[Any] = (), *_: Any, **__: Any) -> None:
        self._iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self._iterable)


def _range_bar(*numbers: int, **_: Any) -> Any:
    return Bar(range(*numbers))


def _subplots(nrows: Any = 1, ncols: Any = 1, *_: Any, **__: Any) -> Any:
    """A figure, and as many axes as everybody unpacks."""
    axes = np.empty((int(nrows), int(ncols)), dtype=object)
    for place in np.ndindex(*axes.shape):
        axes[place] = Nothing()
    squeezed = axes.squeeze()
    return Nothing(), squeezed if squeezed.ndim else squeezed.item()


_NAMED = {"subplots": _subplots, "trange": _range_bar, "tnrange": _range_bar}
_BARS = ("tqdm", "track", "tqdm_notebook", "progressbar", "ProgressBar")


class StandIn(ModuleType):
    """A module that has everything."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Bar if name in _BARS else _NAMED.get(name) or _nothing_of(self.__name__.partition(".")[0])

    def __call__(self, *given: Any, **options: Any) -> Any:
        """As `Bar`: ``import tqdm`` and ``tqdm.tqdm`` are often confused."""
        return Bar(*given, **options)


def is_stand_in(value: Any) -> bool:
    """Whether it is a class of this module."""
    return getattr(value, "__module__", None) == __name__


class Finder:
    """Comes last: what a submission imports and nobody finds has a stand-in, and below a stand-in everything has one.

    Where a library looks for something that may be absent, it is absent.

    Parameters
    ----------
    folder
        In which the submission is.
    """

    def __init__(self, folder: str) -> None:
        self.names: list[str] = []
        self._folder = folder

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """A specification for any name that is absolute, or below a stand-in."""
        parent = name.rpartition(".")[0]
        if parent and not isinstance(sys.modules.get(parent), StandIn):
            return None  # a missing part of a module that is there is the submission's own affair
        if not parent:
            if name not in _ANYBODYS and not importing_file().startswith(self._folder):
                return None
            self.names.append(name)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> ModuleType:
        """An empty one."""
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


#: What Python's own library needs for windows.
_ANYBODYS = ("_tkinter",)


def importing_file() -> str:
    """The file in which the import stands, for a finder that asks."""
    frame = sys._getframe(2)
    while frame.f_back is not None and "importlib" in frame.f_code.co_filename:
        frame = frame.f_back
    return frame.f_code.co_filename
