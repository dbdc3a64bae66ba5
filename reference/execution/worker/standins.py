"""Stand-ins for modules that are not installed in the worker, such as those for plots and progress bars.

They let the import of a submission succeed and do nothing, since the classes that are judged need numpy alone.
"""

from __future__ import annotations

import dis
import functools
import importlib.machinery
import itertools
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from .alternatives import has_alternative

_OPERATORS = (
    "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "pow",
    "rpow", "matmul", "rmatmul", "and", "rand", "or", "ror", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert",
)  # fmt: skip
#: Names of the absent modules whose stand-ins have given a value in this request: a number, a length, a truth value.
#: Who calculates with one gets a stand-in again, which tells by itself where it comes from; a value does not.
used: dict[str, None] = {}
#: The same while the submission was imported: what its own constants may come from.
used_by_import: dict[str, None] = {}
_UNPACK = dis.opmap["UNPACK_SEQUENCE"]


def _use(stand_in: Any) -> None:
    used[_module_of(stand_in) or "something"] = None


def _operator(operand: Any, *_: Any) -> Any:
    """The result of any operator on a stand-in: another stand-in."""
    return _class_of(operand)()


@functools.cache
def _class_for(name: str) -> Any:
    """The class whose objects stand for everything in the absent module of that name."""
    return _NothingType("Nothing", (Nothing,), {"standing_for": name, "__module__": __name__})


def _class_of(stand_in: Any) -> Any:
    """The class that stands for the same absent module as a given stand-in, which is an object or a class."""
    return _class_for(_module_of(stand_in))


def _module_of(stand_in: Any) -> str:
    name = getattr(stand_in, "standing_for", "")
    return name if type(name) is str else ""  # a class of the submission may inherit and define this differently


def describe_stand_in(value: Any) -> str | None:
    """The description of a result that is a stand-in, with the name of the absent module; None for other results."""
    if not isinstance(value, _AcceptsAll):
        return None
    module = _module_of(value) or "something"
    return f"nothing: it came from the stand-in for {module}, a module that is not installed here"


class _AcceptsAll:
    """Gives a stand-in and its class all operations: each has no effect and returns a stand-in or an empty value."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return _class_of(self)

    def __getitem__(self, _: Any) -> Any:
        return _class_of(self)()

    def __setitem__(self, _: Any, __: Any) -> None:
        pass

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        count = _number_unpacked()
        if not count:
            _use(self)
        return itertools.repeat(_class_of(self)(), count)

    def __len__(self) -> int:
        _use(self)
        return 0

    def __bool__(self) -> bool:
        _use(self)
        return False

    def __index__(self) -> int:
        _use(self)
        return 0

    def __float__(self) -> float:
        """Return NaN: no number that is computed from it is taken for a right one."""
        _use(self)
        return math.nan

    def __complex__(self) -> complex:
        _use(self)
        return complex(math.nan)

    def __eq__(self, other: object) -> bool:
        """Whether the other is the very same stand-in."""
        if self is not other:
            _use(self)
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, _: str) -> str:
        return ""

    def __array_ufunc__(self, *_: Any, **__: Any) -> Any:
        """Return a stand-in: numpy would otherwise make an empty array, which does not tell where it came from."""
        return _class_of(self)()

    def __array_function__(self, *_: Any, **__: Any) -> Any:
        """Return a stand-in, as `__array_ufunc__` does, also from functions such as ``np.concatenate``."""
        return _class_of(self)()


for _name in _OPERATORS:
    setattr(_AcceptsAll, f"__{_name}__", _operator)


class _NothingType(_AcceptsAll, type):
    """The metaclass of `Nothing`: attributes of the class exist too, as in ``torch.nn.Module``."""


class Nothing(_AcceptsAll, metaclass=_NothingType):
    """Stands for any object of an absent module: it has all attributes, can be called, iterated and computed with."""

    standing_for = ""

    def __new__(cls, *given: Any, **__: Any) -> Any:
        """Accept any arguments; used as a decorator, return the function unchanged."""
        return given[0] if "standing_for" in vars(cls) and _is_decorated(given) else super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Accept any arguments."""

    def __call__(self, *given: Any, **__: Any) -> Any:
        """Accept any arguments and return a stand-in; used as a decorator, return the function unchanged."""
        return given[0] if _is_decorated(given) else _class_of(self)()


def _is_decorated(given: Sequence[Any]) -> bool:
    return len(given) == 1 and type(given[0]) is FunctionType


def _number_unpacked() -> int:
    """The number of names that the calling code unpacks into: 1 for ``line, = ax.plot(x)``, 0 for a loop."""
    frame = sys._getframe(2)
    code, place = frame.f_code.co_code, frame.f_lasti
    return code[place + 1] if place >= 0 and code[place] == _UNPACK else 0


class Bar(Nothing):
    """Stands for a progress bar: it shows nothing and iterates over its argument."""

    def __init__(self, iterable: Iterable[Any] = (), *_: Any, **__: Any) -> None:
        self._iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self._iterable)


def _range_bar(*numbers: int, **_: Any) -> Any:
    return Bar(range(*numbers))


def _subplots(nrows: Any = 1, ncols: Any = 1, *_: Any, **__: Any) -> Any:
    """Stand-ins for the figure and the axes, arranged as ``matplotlib.pyplot.subplots`` returns them."""
    axes = np.empty((int(nrows), int(ncols)), dtype=object)
    for place in np.ndindex(*axes.shape):
        axes[place] = Nothing()
    squeezed = axes.squeeze()
    return Nothing(), squeezed if squeezed.ndim else squeezed.item()


_NAMED = {"subplots": _subplots, "trange": _range_bar, "tnrange": _range_bar}
_BARS = ("tqdm", "track", "tqdm_notebook", "progressbar", "ProgressBar")


class StandIn(ModuleType):
    """The stand-in for a module: every attribute exists."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Bar if name in _BARS else _NAMED.get(name) or _class_for(self.__name__.partition(".")[0])

    def __call__(self, *given: Any, **options: Any) -> Any:
        """Return a `Bar`, since people confuse the module ``tqdm`` with the function ``tqdm.tqdm``."""
        return Bar(*given, **options)


def is_stand_in(value: Any) -> bool:
    """Whether a class is a stand-in, that is, defined by this module."""
    return getattr(value, "__module__", None) == __name__


class Finder:
    """The last finder: gives a stand-in for each module that a submission imports and no other finder has found.

    All submodules of a stand-in exist as well. For an import in a library outside the submission, which may handle the
    absence of the module, it finds nothing, nor for one to which the submission itself has an alternative.

    Parameters
    ----------
    folder
        The folder that holds the submission.

    Attributes
    ----------
    names
        The names of the modules for which it has given a stand-in.
    """

    def __init__(self, folder: str) -> None:
        self.names: list[str] = []
        self._folder = folder

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """The spec of a stand-in for a top-level module or a submodule of a stand-in; None for anything else."""
        parent = name.rpartition(".")[0]
        if parent and not isinstance(sys.modules.get(parent), StandIn):
            return None  # a submodule that an installed package lacks is the submission's own mistake
        if not parent:
            file, line = importing_place()
            if name not in _FOR_LIBRARIES and not (file.startswith(self._folder) and _is_needed(file, line, name)):
                return None
            self.names.append(name)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> ModuleType:
        """The stand-in."""
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: a stand-in has no code."""


#: Modules that have a stand-in even where a library imports them: the standard library's tkinter needs this one.
_FOR_LIBRARIES = ("_tkinter",)


def _is_needed(file: str, line: int, name: str) -> bool:
    """Whether the code that imports an absent module has no alternative to it."""
    try:
        source = Path(file).read_bytes()
    except OSError:
        return True
    return not has_alternative(source, line, name)


def importing_place() -> tuple[str, int]:
    """The file and the line with the import statement that a finder, which calls this, is being asked about."""
    frame = sys._getframe(2)
    while frame.f_back is not None and "importlib" in frame.f_code.co_filename:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
