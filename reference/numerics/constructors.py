"""numpy's functions that make arrays, replaced while code runs that makes arrays of its own: `replaced`, `widened`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

Make = Callable[..., Any]
#: Those whose arrays are filled afterwards.
_COLLECT = ("zeros", "ones", "empty", "full")


@contextlib.contextmanager
def replaced(makers: Mapping[str, Callable[[Make], Make]]) -> Iterator[None]:
    """Let numpy's functions be others in this thread, for a block.

    Parameters
    ----------
    makers
        By the name of each function, what makes its replacement of it. Calls that a replacement makes itself, and
        those of other threads and of numpy's random numbers, reach the function.
    """
    owner = threading.get_ident()
    kept = {name: getattr(np, name) for name in makers}
    inside = [False]

    def guarded(original: Make, replacement: Make) -> Make:
        def call(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != owner or inside[0]:
                return original(*args, **kwargs)
            inside[0] = True
            try:
                return replacement(*args, **kwargs)
            finally:
                inside[0] = False

        return call

    compiled, plain = _random_modules(), ModuleType("numpy")
    vars(plain).update(vars(np))
    try:
        for module in compiled:
            setattr(module, "np", plain)  # noqa: B010 - no type checker knows that a module has it
        for name, make in makers.items():
            setattr(np, name, guarded(kept[name], make(kept[name])))
        yield
    finally:
        for name, original in kept.items():
            setattr(np, name, original)
        for module in compiled:
            setattr(module, "np", np)  # noqa: B010


def _random_modules() -> list[ModuleType]:
    """The compiled modules of `numpy.random`.

    They write numbers into the memory of what `numpy.empty` returns and do not ask whether it is an array of doubles:
    anything else ends the process, or gives other numbers.
    """
    modules = (each for each in vars(np.random).values() if isinstance(each, ModuleType))
    return [each for each in modules if getattr(each, "np", None) is np]


def widened(dtype: Any) -> contextlib.AbstractContextManager[None]:
    """Let `zeros`, `ones`, `empty` and `full` make arrays of a wider type where they would make arrays of doubles.

    Code that collects its results in such arrays then computes in the wider type altogether.
    """

    def make(original: Make) -> Make:
        def call(*args: Any, **kwargs: Any) -> Any:
            found = original(*args, **kwargs)
            return found.astype(dtype) if found.dtype == np.float64 else found

        return call

    return replaced(dict.fromkeys(_COLLECT, make))
