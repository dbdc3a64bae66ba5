"""What is known of an exception that the submission raised: its words, its cause, and the place in the submission.

The examiner gets these as fields; what it makes of them is said in `reference.wording`.
"""

from __future__ import annotations

import errno
import linecache
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, MethodType, TracebackType
from typing import Any

import numpy as np

from . import standins
from .protocol import Place

_REFUSED = frozenset({errno.EPERM, errno.EACCES, errno.EROFS})
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
_HERE = os.path.dirname(__file__)  # noqa: PTH120 - compared with names of files, which are strings
_NUMPY = os.path.dirname(np.__file__)  # noqa: PTH120
_LIBRARY = os.path.dirname(os.__file__)  # noqa: PTH120
#: The modules of Python's library by which foreign code asks for what is refused, and what that is.
_REFUSED_BY = (
    ("multiprocessing", "other processes are"),
    ("concurrent", "threads and other processes are"),
    ("subprocess.py", "other programs are"),
    ("pty.py", "other programs are"),
    ("socket.py", "the network is"),
    ("asyncio", "the network is"),
)
#: Folders whose files are nobody's own: Python's library, and where numpy and the like are installed.
_LIBRARIES = tuple({_LIBRARY, os.path.dirname(_NUMPY)})  # noqa: PTH120
_MAX_FILE, _MAX_SOURCE, _MAX_MESSAGE, _MAX_NAME = 200, 120, 1000, 100
#: numpy has no type of exception for arrays whose shapes do not fit: only its message tells. What is read here decides
#: on a hint and on nothing else.
_SHAPES = re.compile(r"broadcast|shape|dimension|aligned|\bax[ei]s\b", re.IGNORECASE)
#: Python's own words for a call that the called function does not take.
_ARGUMENT = re.compile(r"\barguments?\b")
#: The causes that follow from the type of an exception alone.
_BY_TYPE: tuple[tuple[type[BaseException], str], ...] = (
    (NameError, "name"),
    (ImportError, "module"),
    (AttributeError, "attribute"),
    (IndexError, "index"),
    (KeyError, "key"),
    (ZeroDivisionError, "division"),
    (RecursionError, "recursion"),
)


class NotSetError(Exception):
    """An attribute does not have the value that was written into it."""


def describe_error(error: BaseException) -> str:
    """The type of an exception and its message, at most 1000 characters; the type alone if its __str__ raises.

    What the sandbox refuses is told as that: a student's own computer would allow it.
    """
    message, refused = _message(error), refusal(error)
    described = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return f"{described} ({refused})" if refused else described


def _message(error: BaseException) -> str:
    try:
        return str.__str__(str(error))[:_MAX_MESSAGE]
    except (Exception, SystemExit):  # the __str__ of foreign code may raise
        return ""


def cause_of(error: BaseException) -> str | None:
    """One of `protocol.CAUSES`, if one of them is the reason for an exception that was raised in foreign code."""
    if refusal(error):
        return "refused"
    if file_of(error) == standins.__file__:
        return "stand-in"
    if isinstance(error, np.exceptions.AxisError):
        return "shapes"
    for kind, cause in _BY_TYPE:
        if isinstance(error, kind):
            return cause
    if isinstance(error, TypeError) and _ARGUMENT.search(_message(error)):
        return "call"
    return "shapes" if isinstance(error, ValueError) and _SHAPES.search(_message(error)) else None


def refusal(error: BaseException) -> str | None:
    """What the system refuses where code is judged, such as a thread or a file; None for any other exception."""
    cause = getattr(error, "reason", None)  # urllib's exceptions keep the system's own there
    if isinstance(error, OSError) and isinstance(cause, OSError):
        return refusal(cause)
    if isinstance(error, OSError) and type(error).__name__ == "gaierror":
        return "the network is not available here"
    if not isinstance(error, OSError):
        is_thread = type(error) is RuntimeError and file_of(error) == threading.__file__
        return "threads are not available here" if is_thread else None
    if error.errno not in _REFUSED:
        return None
    files = [trace.tb_frame.f_code.co_filename for trace in _traces(error.__traceback__)]
    for module, words in _REFUSED_BY:
        if any(file.startswith(os.path.join(_LIBRARY, module)) for file in files):  # noqa: PTH118
            return f"{words} not available here"
    return "that is not allowed here" if error.filename is None else "that file is not available here"


def is_full(error: BaseException) -> bool:
    """Whether there was no room for a file: it is larger than a file may be, or all files together are."""
    return isinstance(error, OSError) and error.errno in _FULL


def file_of(error: BaseException) -> str | None:
    """The file in which it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else trace.tb_frame.f_code.co_filename


def _traces(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def place_of(error: BaseException, modules: Iterable[str], base: str | None = None) -> Place | None:
    """The innermost call of an exception's traceback that lies in the submission's own files.

    Parameters
    ----------
    error
        The exception.
    modules
        The names of the modules of the submission's classes. Their folders count as its own, wherever they are.
    base
        The folder that paths are told relative to; None: the one that holds all these modules.
    """
    try:
        folders, trace, own = _folders(modules), error.__traceback__, None
        while trace is not None:
            if _is_own(trace.tb_frame.f_code.co_filename, folders):
                own = trace
            trace = trace.tb_next
        return None if own is None else _place(own, _base(base, folders))
    except Exception:  # a place that cannot be told must not cost the reply
        return None


def definition_of(function: Any, modules: Iterable[str], base: str | None = None) -> Place | None:
    """Where in the submission's own files a function, a method, or the constructor of a class is defined."""
    try:
        if isinstance(function, type):
            function = function.__init__  # type: ignore[misc]
        if type(function) is MethodType:
            function = function.__func__
        if type(function) is not FunctionType:
            return None
        code, folders = function.__code__, _folders(modules)
        if not _is_own(code.co_filename, folders):
            return None
        return Place(
            _label(code.co_filename, _base(base, folders)), code.co_firstlineno, _line(code, code.co_firstlineno)
        )
    except Exception:  # see `place_of`
        return None


def _folders(modules: Iterable[str]) -> list[str]:
    folders = []
    for name in modules:
        file = getattr(sys.modules.get(name), "__file__", None)
        if type(file) is str:
            folders.append(os.path.dirname(os.path.abspath(file)))  # noqa: PTH100, PTH120
    return folders


def _base(base: str | None, folders: list[str]) -> str | None:
    if base is not None or not folders:
        return base
    return os.path.commonpath(folders)


def _is_own(file: str, folders: list[str]) -> bool:
    """Whether a file is the submission's: neither ours nor a library's, nor made by Python itself ("<frozen ...>")."""
    folder = os.path.dirname(file)  # noqa: PTH120
    if file.startswith("<") or folder == _HERE:
        return False
    return folder in folders or not any(file.startswith(library + os.sep) for library in _LIBRARIES)


def _place(trace: TracebackType, base: str | None) -> Place:
    code, line = trace.tb_frame.f_code, trace.tb_lineno
    return Place(_label(code.co_filename, base), line, _expression(code, trace.tb_lasti, line))


def _label(file: str, base: str | None) -> str:
    """The path relative to the submission's folder; the name alone of a file that lies elsewhere."""
    inside = base is not None and file.startswith(base.rstrip(os.sep) + os.sep)
    label = os.path.relpath(file, base) if inside else os.path.basename(file)  # noqa: PTH119
    return label.replace(os.sep, "/")[-_MAX_FILE:]


def _expression(code: CodeType, instruction: int, line: int) -> str:
    """The expression that an instruction belongs to, if it is on one line; else that line."""
    source = _line(code, line)
    places = list(code.co_positions())
    start, end, first, last = places[instruction // 2] if instruction // 2 < len(places) else (None,) * 4
    if start == end == line and first is not None and last is not None:
        text = linecache.getline(code.co_filename, line).encode()[first:last].decode("utf-8", "replace").strip()
        return text[:_MAX_SOURCE] or source
    return source


def _line(code: CodeType, line: int) -> str:
    return linecache.getline(code.co_filename, line).strip()[:_MAX_SOURCE]
