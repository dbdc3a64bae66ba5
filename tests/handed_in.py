"""Known mistakes as files that somebody hands in: our own classes are not to be had where they are judged."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from reference.lab.mistakes import Mistake, plain

_IMPORTS = re.compile(r"^from (reference|__future__)\b.*$", re.MULTILINE)
_PRELUDE = """

import types

plain = types.SimpleNamespace(**{name: each for name, each in globals().items() if isinstance(each, type)})
plain.CLASSES, HINTS, CATALOGUE = vars(plain).copy(), {"missing": ""}, []


def wrong(subject, *words):
    return lambda body: body


def Mistake(*_):
    pass


"""


def source(mistake: Mistake) -> str:
    """A single file with all the classes, one of them wrong."""
    right = inspect.getsource(plain)
    cls, _, method = mistake.subject.partition(".")
    if cls not in mistake.classes:
        return f"{right}\n\ndel {cls}\n"
    made = mistake.classes[cls]
    written = (
        made if made.__name__ != cls or made.__module__ != "reference.lab.mistakes.catalogue" else vars(made)[method]
    )
    module = inspect.getsource(sys.modules[written.__module__])
    end = f"{cls} = {written.__name__}"
    if "<locals>" in written.__qualname__:  # a function made it, out of the right method
        return f"{right}\n\nright = {cls}.{method}\n\n\n{_taken_out(written)}\n\n{cls}.{method} = {written.__name__}\n"
    if not isinstance(written, type):
        end = f'{cls} = type("{cls}", ({cls},), {{"{method}": {written.__name__}}})'
    return right + _PRELUDE + _IMPORTS.sub("", module) + f"\n\n{end}\n"


def _taken_out(inner: Any) -> str:
    return "from typing import Any\n\n\n" + textwrap.dedent(inspect.getsource(inner))


def hand_in(mistake: Mistake, folder: Path) -> Path:
    """The file, in a folder of its own."""
    path = folder / "solution.py"
    path.write_text(source(mistake), encoding="utf-8")
    return path
