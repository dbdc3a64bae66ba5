"""Values made of arrays: nested dicts, lists and tuples, flattened to their arrays and put together again."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reference.findings import Violation
from reference.wording import fact


@dataclass(frozen=True)
class Place:
    """Stands for an array in a structure.

    Attributes
    ----------
    number
        Its place among the arrays of the structure.
    name
        How a user writes it.
    is_number
        Whether it is a number in the user's structure, and no array.
    """

    number: int
    name: str
    is_number: bool = False


@dataclass(frozen=True)
class Structure:
    """How arrays are put together; what is no array is held as given.

    Attributes
    ----------
    template
        The value, with a `Place` for each array.
    names
        How a user writes each array, such as ``params['W'][0]``.
    """

    template: Any
    names: tuple[str, ...]

    def build(self, leaves: Sequence[Any]) -> Any:
        """The value with these arrays; what is no array is a copy of what was given."""
        return _built(self.template, leaves)

    def leaves(self, value: Any) -> list[Any]:
        """What ``value`` has in the places of the arrays.

        A list may stand for a tuple, and ``dW`` or ``grad_W`` for the key ``W``.

        Raises
        ------
        Violation
            It is put together in another way.
        """
        found: dict[int, Any] = {}
        _collect(self.template, value, found)
        return [found[number] for number in range(len(self.names))]


@dataclass
class Arrays:
    """Collects the arrays of several values, numbered through.

    Attributes
    ----------
    numbers
        Whether floating-point numbers count as arrays too.
    lists
        Whether a list of numbers counts as one array, as it does for numpy.
    settings
        Whether a dict with strings, None or booleans in it is held as given, with all its arrays.
    """

    numbers: bool = True
    lists: bool = True
    settings: bool = True
    found: list[Any] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def template(self, value: Any, name: str) -> Any:
        """The value with a `Place` for each of its arrays.

        Parameters
        ----------
        value
            Anything.
        name
            How a user writes it.
        """
        if is_array(value, lists=self.lists) or (self.numbers and is_number(value)):
            self.found.append(value)
            self.names.append(name)
            return Place(len(self.found) - 1, name, isinstance(value, float | np.generic))
        if isinstance(value, Mapping) and not (self.settings and is_settings(value)):
            return _like(value, [self.template(each, f"{name}[{key!r}]") for key, each in value.items()])
        if isinstance(value, list | tuple) and not is_static(value):
            parts = enumerate(value)
            return _like(value, [self.template(each, f"{name}[{number}]") for number, each in parts])
        return value


def is_array(value: Any, *, lists: bool = True) -> bool:
    """Whether it is an array of numbers, or a list of them that numpy makes one of."""
    if isinstance(value, np.ndarray | np.generic):
        return True
    return lists and isinstance(value, list) and _is_numbers(value) and any(True for _ in _flat(value))


def is_number(value: Any) -> bool:
    """Whether it is a floating-point number, which may have a derivative."""
    return isinstance(value, float) and math.isfinite(value)


def is_settings(value: Mapping[Any, Any]) -> bool:
    """Whether a dict holds settings, such as ``{'mode': 'train'}``, and no parameters."""
    return any(each is None or isinstance(each, str | bool) for each in value.values())


def is_static(value: Any) -> bool:
    """Whether it holds nothing that has a derivative: None, a string, a whole number, or a tuple of these."""
    if isinstance(value, list | tuple):
        return all(is_static(each) for each in value)
    if isinstance(value, Mapping):
        return is_settings(value) or all(is_static(each) for each in value.values())
    return not (is_array(value) or is_number(value))


def _is_numbers(value: Any) -> bool:
    return all(
        _is_numbers(each) if isinstance(each, list) else isinstance(each, int | float | np.number) for each in value
    )


def _flat(value: Any) -> Iterator[Any]:
    for each in value:
        if isinstance(each, list):
            yield from _flat(each)
        else:
            yield each


def _like(value: Any, parts: list[Any]) -> Any:
    """A dict, list or tuple of the type of ``value`` with these parts."""
    if isinstance(value, Mapping):
        pairs = dict(zip(value, parts, strict=True))
        return _of_type(type(value), pairs, pairs)
    if hasattr(value, "_fields"):  # a named tuple
        return type(value)(*parts)
    plain: Any = tuple(parts) if isinstance(value, tuple) else parts
    return _of_type(type(value), parts, plain)


def _of_type(kind: Any, parts: Any, otherwise: Any) -> Any:
    try:
        return kind(parts)
    except Exception:  # a subclass may be made in another way
        return otherwise


def _built(template: Any, leaves: Sequence[Any]) -> Any:
    if isinstance(template, Place):
        leaf = leaves[template.number]
        return leaf[()] if template.is_number and isinstance(leaf, np.ndarray) and leaf.ndim == 0 else leaf
    if isinstance(template, Mapping):
        return _like(template, [_built(each, leaves) for each in template.values()])
    if isinstance(template, list | tuple):
        return _like(template, [_built(each, leaves) for each in template])
    if isinstance(template, str | int | float | type(None)):
        return template
    try:
        return copy.deepcopy(template)
    except Exception:  # an open file, say, has no copy
        return template


def _collect(template: Any, value: Any, found: dict[int, Any]) -> None:
    if isinstance(template, Place):
        found[template.number] = value
    elif value is None:
        for place in places(template):
            found[place.number] = None
    elif isinstance(template, Mapping):
        _collect_dict(template, value, found)
    elif isinstance(template, list | tuple):
        _collect_list(template, value, found)


def _collect_dict(template: Mapping[Any, Any], value: Any, found: dict[int, Any]) -> None:
    wanted = [key for key, each in template.items() if places(each)]
    if not isinstance(value, Mapping):
        raise Violation(_keys(wanted), fact("type", name=_type_of(value)), mistake="wrong-type")
    for key in wanted:
        spelled = next((each for each in _spellings(key) if each in value), None)
        if spelled is None:
            came = fact("type", name=f"a dict with the keys {', '.join(map(repr, value)) or 'of nothing'}")
            raise Violation(_keys(wanted), came, mistake="wrong-type")
        _collect(template[key], value[spelled], found)


def _collect_list(template: Sequence[Any], value: Any, found: dict[int, Any]) -> None:
    wanted = [each for each in template if places(each)]
    due = fact("structure", name=f"{_type_of(template)} of {len(wanted)}")
    if not isinstance(value, list | tuple):
        raise Violation(due, fact("type", name=_type_of(value)), mistake="wrong-type")
    if len(value) == len(template):
        pairs = list(zip(template, value, strict=True))
    elif len(value) == len(wanted):
        pairs = list(zip(wanted, value, strict=True))
    else:
        raise Violation(due, fact("several", name=_type_of(value), count=len(value)), mistake="wrong-type")
    for each, part in pairs:
        _collect(each, part, found)


def places(template: Any) -> list[Place]:
    """The places in a template, in order."""
    if isinstance(template, Place):
        return [template]
    if isinstance(template, Mapping):
        return [place for each in template.values() for place in places(each)]
    if isinstance(template, list | tuple):
        return [place for each in template for place in places(each)]
    return []


def _spellings(key: Any) -> list[Any]:
    """The names under which people put the gradient of a parameter."""
    return [key, *(form.format(key) for form in ("d{}", "grad_{}", "{}_grad", "d_{}") if isinstance(key, str))]


def _keys(wanted: list[Any]) -> Any:
    return fact("keys", names=", ".join(map(repr, wanted)))


def _type_of(value: Any) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
