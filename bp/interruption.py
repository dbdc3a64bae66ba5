"""What an interrupted training leaves behind: the net and the history as they were after the last complete epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bp.history import History
from bp.mlp import MLP
from bp.plain import NotFiniteError


@contextmanager
def all_or_nothing(net: MLP, history: History) -> Iterator[None]:
    """Undo what the block did to the layers' arrays and to the history if it is left by an exception, Ctrl-C included.

    A value that is not finite is left as it is found: the steps before it have been taken, and the history says so.
    """
    arrays = [
        (layer, name, array, array.copy())
        for layer in net.layers
        for name, array in vars(layer).items()
        if isinstance(array, np.ndarray)
    ]
    lengths = [(series, len(series)) for series in history.series()]
    names = set(history.amplitude)
    try:
        yield
    except NotFiniteError:
        raise
    except BaseException:
        for layer, name, array, content in arrays:
            _restore(layer, name, array, content)
        for series, length in lengths:
            del series[length:]
        for name in set(history.amplitude) - names:
            del history.amplitude[name]
        raise


def _restore(layer: Any, name: str, array: Any, content: Any) -> None:
    """Bind the array to its name again, since a layer may have put another in its place, and give it its content."""
    setattr(layer, name, array)
    if array.flags.writeable:
        array[...] = content
