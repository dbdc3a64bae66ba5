"""What a process with foreign code in it says, looked through before it is believed: types, lengths, letters.

Nothing here trusts the other side: what is not as the worker makes it is refused, whoever sent it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.execution.worker.protocol import CAUSES, LOAD_CAUSES, PROBLEMS, Reply, Unusable

_MOST_TEXT, _MOST_NAME, _MOST_LISTED = 1000, 200, 20
_DEPTH = 8
_OWN = ("ndarray", "list", "tuple", "dict", "NoneType", "str", "bool", "int", "float")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")

Clean = Callable[[str], str]


class UnbelievableError(Exception):
    """What came is not what the worker sends."""


@dataclass(frozen=True)
class Found:
    """What the process says that it has found: see `reference.execution.worker.loading.Found`."""

    classes: tuple[str, ...]
    missing: dict[str, str]
    causes: dict[str, str]
    notes: tuple[str, ...]
    stand_ins: tuple[str, ...]
    modules: dict[str, str]


def printable(text: str, most: int = _MOST_TEXT) -> str:
    """The text in one line that does nothing to a terminal or a file: what is no visible character is spelled out.

    Addresses in memory are left out: they differ from run to run.
    """
    shown = "".join(each if each.isprintable() else _spelled(each) for each in text[:most])
    return _ADDRESS.sub("0x...", shown)


def lines(text: str) -> str:
    """As `printable`, of any length, with its line breaks."""
    return "\n".join(printable(line, len(line)) for line in text.replace("\r\n", "\n").split("\n"))


def _spelled(character: str) -> str:
    return " " if character in "\n\t" else character.encode("unicode_escape").decode("ascii")


def replies(value: Any, n: int, clean: Clean = printable) -> list[Reply]:
    """The replies to ``n`` steps, each made anew of what may be believed.

    Raises
    ------
    UnbelievableError
        They are something else.
    """
    if type(value) is not list or len(value) != n:
        raise UnbelievableError("something else than the answers that were asked for")
    return [_reply(each, clean) for each in value]


def found(value: Any, clean: Clean = printable) -> Found:
    """What the process has found.

    Raises
    ------
    UnbelievableError
        It is something else.
    """
    if type(value) is not dict or any(type(value.get(name)) is not dict for name in ("missing", "causes", "modules")):
        raise UnbelievableError("something else than what it had found")
    names = {name: _names(value.get(name), clean) for name in ("classes", "notes", "stand_ins")}
    missing = {_text(name, clean): _text(why, clean) for name, why in value["missing"].items()}
    causes = {_text(name, clean): _one_of(LOAD_CAUSES, cause) for name, cause in value["causes"].items()}
    modules = {_text(name, clean): _text(module, clean, _MOST_NAME) for name, module in value["modules"].items()}
    # It goes into a script: a dotted name and nothing else.
    modules = {name: module for name, module in modules.items() if all(map(str.isidentifier, module.split(".")))}
    return Found(names["classes"], missing, causes, names["notes"], names["stand_ins"], modules)


_DONE = Reply()


def _reply(value: Any, clean: Clean) -> Reply:
    if type(value) is not Reply or type(value.altered) is not bool:
        raise UnbelievableError("something else than a reply")
    silent = value.value is None and value.error is None and value.kind == "NoneType" and not value.altered
    if silent and type(value.changed) is type(value.aliases) is tuple and not (value.changed or value.aliases):
        return _DONE  # most steps have nothing to say
    if value.error is not None:
        kind = "Exception" if value.error_kind is None else _text(value.error_kind, clean, _MOST_NAME)
        cause = None if value.cause is None else _one_of(CAUSES, value.cause)
        return Reply(error=_text(value.error, clean) or kind, error_kind=kind, cause=cause)
    answer, kind = _value(value.value, clean, _DEPTH), _text(value.kind, clean, _MOST_NAME)
    if type(answer) is Unusable:
        kind = answer.kind
    elif kind in _OWN and kind != type(answer).__name__:
        raise UnbelievableError(f"a {kind} that is none")
    changed, aliases = (_names(names, clean) for names in (value.changed, value.aliases))
    return Reply(answer, kind, changed=changed, aliases=aliases, altered=value.altered)


def _value(value: Any, clean: Clean, depth: int) -> Any:
    kind = type(value)
    if not depth:
        raise UnbelievableError("too deep an answer")
    if value is None or kind in {bool, int, float, np.ndarray} or issubclass(kind, np.generic):
        return value
    if kind is str:
        return clean(value)
    if kind is Unusable:
        word = _text(value.kind, clean, _MOST_NAME)
        return Unusable(f"unusable {word}" if word in _OWN else word, _one_of(PROBLEMS, value.problem))
    if kind in {list, tuple}:
        return kind(_value(item, clean, depth - 1) for item in value)
    if kind is dict:
        return {_text(name, clean): _value(item, clean, depth - 1) for name, item in value.items()}
    raise UnbelievableError(f"a {kind.__name__} in an answer")


def _names(value: Any, clean: Clean) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise UnbelievableError("something else than names")
    return tuple(_text(name, clean) for name in value[:_MOST_LISTED])


def _one_of(words: frozenset[str], value: Any) -> str:
    if type(value) is not str or value not in words:
        raise UnbelievableError("a word that it does not know")
    return value


def _text(value: Any, clean: Clean, most: int = _MOST_TEXT) -> str:
    if type(value) is not str:
        raise UnbelievableError("something else than a text")
    return clean(value)[:most]
