"""Answers of several arrays: joined to one array, so that they are judged as one, and their cotangents parted again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.arguments import in_shapes
from reference.gradients.doors import tensors
from reference.gradients.doors.structure import Arrays, Structure

Array = NDArray[Any]
Shapes = tuple[tuple[int, ...], ...]
Index = tuple[int, ...]


class Outputs:
    """The structure of what a forward pass answers, for each set of shapes that it was asked with.

    Parameters
    ----------
    name
        How a user writes an answer, such as ``output``.
    """

    def __init__(self, name: str = "output") -> None:
        self._name = name
        self._known: dict[Shapes, tuple[Structure, Shapes]] = {}
        self._last: tuple[Structure, Shapes] | None = None

    def joined(self, answer: Any, inputs: Sequence[Any]) -> Any:
        """The answer, or if it holds several arrays, one array with the entries of all of them."""
        if not _has_parts(answer):
            return answer
        arrays = Arrays()
        template = arrays.template(answer, self._name)
        found = [each for each in arrays.found if _is_real(each)]
        if len(found) < len(arrays.found):
            arrays = Arrays(settings=False)
            template = arrays.template(_without_whole_numbers(answer), self._name)
            found = arrays.found
        if not found:
            return answer
        known = Structure(template, tuple(arrays.names)), tuple(np.shape(each) for each in found)
        self._last = self._known[_shapes(inputs)] = known
        return _concatenated([np.asarray(each).ravel() for each in found])

    def joined_tensors(self, answer: Any) -> Any:
        """As `joined`, for the answer of a definition, which may be of torch tensors."""
        if not _has_parts(answer):
            return answer
        found = _parts(answer)
        if all(isinstance(each, np.ndarray | float | np.generic) for each in found):
            return np.concatenate([np.asarray(each).ravel() for each in found])
        return tensors.joined(found)

    def parted(self, cotangent: Array, inputs: Sequence[Any]) -> Any:
        """The cotangent in the structure of the answer to these inputs."""
        known = self._known.get(_shapes(inputs), self._last)
        if known is None or cotangent.ndim != 1:
            return cotangent
        structure, shapes = known
        if sum(int(np.prod(shape)) for shape in shapes) != cotangent.size:
            return cotangent
        return structure.build([np.array(part) for part in in_shapes(cotangent, shapes)])

    def place(self, index: Index, inputs: Shapes) -> tuple[str, Index] | None:
        """The name of the array that has an entry of the joined one, and the index of the entry there."""
        known = self._known.get(inputs)
        if known is None or len(index) != 1:
            return None
        left = index[0]
        for name, shape in zip(known[0].names, known[1], strict=True):
            size = int(np.prod(shape))
            if left < size:
                return name, tuple(int(each) for each in np.unravel_index(left, shape))
            left -= size
        return None


def _shapes(inputs: Sequence[Any]) -> Shapes:
    return tuple(np.shape(each) for each in inputs)


def _has_parts(answer: Any) -> bool:
    """Whether it is more than an array: a tuple of several, or a dict. A comma too many makes a tuple of one."""
    if isinstance(answer, Mapping):
        return bool(answer)
    return isinstance(answer, tuple) and len(answer) > 1 and any(_is_part(each) for each in answer)


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping | tuple | list) or hasattr(value, "shape")


def _parts(answer: Any) -> list[Any]:
    if isinstance(answer, Mapping):
        return [part for each in answer.values() for part in _parts(each)]
    if isinstance(answer, tuple | list):
        return [part for each in answer for part in _parts(each)]
    return [answer]


def _is_real(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "fc"


def _without_whole_numbers(answer: Any) -> Any:
    """The answer with None in the place of arrays that have no derivative, such as the result of an argmax."""
    if isinstance(answer, Mapping):
        return {key: _without_whole_numbers(each) for key, each in answer.items()}
    if isinstance(answer, tuple | list):
        return tuple(_without_whole_numbers(each) for each in answer)
    return answer if _is_real(answer) else None


def _concatenated(parts: list[Array]) -> Array:
    """All entries in one array, of the lowest precision among them: no part may seem better than it is."""
    if any(part.dtype.kind == "c" for part in parts):
        return np.concatenate(parts)
    lowest = max((part.dtype for part in parts), key=lambda dtype: float(np.finfo(dtype).eps))
    return np.concatenate([part.astype(lowest) for part in parts])
