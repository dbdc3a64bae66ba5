"""Checks everything that the worker process sends before it is used: types, lengths, characters.

Foreign code in the worker may have forged any of it. What does not look like a message of the worker is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.execution.worker.protocol import CAUSES, DONE, LOAD_CAUSES, PROBLEMS, Place, Reply, Unusable

_MAX_TEXT, _MAX_NAME, _MAX_LISTED = 1000, 200, 20
_DEPTH = 8
#: Characters of a text that `remembering` remembers, and how many texts it does.
_SHORT, _MOST_REMEMBERED = 40, 200
#: Names of types that only values of exactly these types may claim.
_KNOWN_TYPES = ("ndarray", "list", "tuple", "dict", "NoneType", "str", "bool", "int", "float")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")

#: Makes a text printable.
Clean = Callable[[str], str]


class InvalidReplyError(Exception):
    """A message is not as the worker makes it; the text of the exception completes "sent ..."."""


@dataclass(frozen=True)
class Found:
    """What the worker has found in the submission, as `reference.execution.worker.loading.as_mapping` sends it.

    Attributes
    ----------
    classes
        Names of the contract's classes that are there.
    missing
        Maps the name of each class that is not there to the reason.
    notes
        Sentences about the import that a person should read.
    stand_ins
        Names of the absent modules for which a stand-in was used.
    modules
        Maps names of classes to the dotted names of their modules.
    """

    classes: tuple[str, ...]
    missing: dict[str, str]
    causes: dict[str, str]
    notes: tuple[str, ...]
    stand_ins: tuple[str, ...]
    modules: dict[str, str]


def printable(text: str, most: int = _MAX_TEXT) -> str:
    """The text in one line that is safe in a terminal and in a file: other than visible characters are escaped.

    Addresses in memory are replaced, since they differ from run to run. At most ``most`` characters are kept.
    """
    shown = text[:most]
    if not shown.isprintable():
        shown = "".join(each if each.isprintable() else _escaped(each) for each in shown)
    return _ADDRESS.sub("0x...", shown)


def lines(text: str) -> str:
    """As `printable`, but of any length and with its line breaks."""
    return "\n".join(printable(line, len(line)) for line in text.replace("\r\n", "\n").split("\n"))


def _escaped(character: str) -> str:
    return " " if character in "\n\t" else character.encode("unicode_escape").decode("ascii")


def replies(value: Any, n: int, clean: Clean = printable) -> list[Reply]:
    """Rebuild the replies to ``n`` steps from values of permitted types alone.

    Parameters
    ----------
    value
        What came through the frame.
    n
        The number of steps that were sent.
    clean
        Makes each text printable.

    Raises
    ------
    InvalidReplyError
        The value is not a list of ``n`` replies.
    """
    if type(value) is not list or len(value) != n:
        raise InvalidReplyError("something other than one reply for each step")
    # Most steps have returned nothing: of these nothing needs to be rebuilt.
    return [each if each is DONE else _reply(each, clean) for each in value]


def found(value: Any, clean: Clean = printable) -> Found:
    """Rebuild what the worker has found in the submission.

    Raises
    ------
    InvalidReplyError
        The value is not of the form that `reference.execution.worker.loading.as_mapping` gives.
    """
    if type(value) is not dict or any(type(value.get(name)) is not dict for name in ("missing", "causes", "modules")):
        raise InvalidReplyError("something other than what it had found")
    names = {name: _names(value.get(name), clean) for name in ("classes", "notes", "stand_ins")}
    missing = {_text(name, clean): _text(why, clean) for name, why in value["missing"].items()}
    causes = {_text(name, clean): _one_of(LOAD_CAUSES, cause) for name, cause in value["causes"].items()}
    modules = {_text(name, clean): _text(module, clean, _MAX_NAME) for name, module in value["modules"].items()}
    # These names go into a script, so anything but a dotted name is dropped.
    modules = {name: module for name, module in modules.items() if all(map(str.isidentifier, module.split(".")))}
    return Found(names["classes"], missing, causes, names["notes"], names["stand_ins"], modules)


def remembering(clean: Clean) -> Clean:
    """The same function, which cleans a short text once: nearly all texts are a few words such as "float64"."""
    known: dict[str, str] = {}

    def remembered(text: str) -> str:
        if len(text) > _SHORT:
            return clean(text)
        if text not in known:
            if len(known) >= _MOST_REMEMBERED:
                known.clear()
            known[text] = clean(text)
        return known[text]

    return remembered


def _reply(value: Any, clean: Clean) -> Reply:
    if type(value) is not Reply or type(value.altered) is not bool:
        raise InvalidReplyError("something other than a reply")
    if value.error is not None:
        kind = "Exception" if value.error_kind is None else _text(value.error_kind, clean, _MAX_NAME)
        cause = None if value.cause is None else _one_of(CAUSES, value.cause)
        place = None if value.place is None else _place(value.place, clean)
        error, stand_ins = _text(value.error, clean) or kind, _names(value.stand_ins, clean)
        return Reply(error=error, error_kind=kind, cause=cause, place=place, stand_ins=stand_ins)
    result, kind = _value(value.value, clean, _DEPTH), _text(value.kind, clean, _MAX_NAME)
    if type(result) is Unusable:
        kind = result.kind
    elif kind in _KNOWN_TYPES and kind != type(result).__name__:
        raise InvalidReplyError(f"a {kind} that is none")
    changed, aliases, stand_ins = (_names(names, clean) for names in (value.changed, value.aliases, value.stand_ins))
    return Reply(result, kind, changed=changed, aliases=aliases, altered=value.altered, stand_ins=stand_ins)


def _place(value: Any, clean: Clean) -> Place:
    if type(value) is not Place or type(value.line) is not int:
        raise InvalidReplyError("something other than a place")
    return Place(_text(value.file, clean, _MAX_NAME), value.line, _text(value.source, clean, _MAX_NAME))


def _value(value: Any, clean: Clean, depth: int) -> Any:
    kind = type(value)
    if not depth:
        raise InvalidReplyError("a reply that is nested too deeply")
    if value is None or kind in {bool, int, float, np.ndarray} or issubclass(kind, np.generic):
        return value
    if kind is str:
        return clean(value)
    if kind is Unusable:
        word = _text(value.kind, clean, _MAX_NAME)
        return Unusable(f"unusable {word}" if word in _KNOWN_TYPES else word, _one_of(PROBLEMS, value.problem))
    if kind in {list, tuple}:
        return kind(_value(item, clean, depth - 1) for item in value)
    if kind is dict:
        return {_text(name, clean): _value(item, clean, depth - 1) for name, item in value.items()}
    raise InvalidReplyError(f"a {kind.__name__} in a reply")


def _names(value: Any, clean: Clean) -> tuple[str, ...]:
    if type(value) not in {tuple, list}:
        raise InvalidReplyError("something other than names")
    return tuple(_text(name, clean) for name in value[:_MAX_LISTED])


def _one_of(words: frozenset[str], value: Any) -> str:
    if type(value) is not str or value not in words:
        raise InvalidReplyError("a word that it does not know")
    return value


def _text(value: Any, clean: Clean, most: int = _MAX_TEXT) -> str:
    if type(value) is not str:
        raise InvalidReplyError("something other than a text")
    return clean(value)[:most]
