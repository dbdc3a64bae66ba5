"""Reads the Python files of a submission without running them."""

from __future__ import annotations

import ast
import codecs
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from . import newer_syntax, versions
from .naming import Source, imports_of

#: Files that are read, and bytes of one file that are parsed: a submission consists of a few small files. A longer one
#: holds data, and is looked through for classes alone.
_MAX_FILES, MAX_BYTES = 400, 2**21
#: Names of folders that hold no code of the submission.
SKIPPED = {"__pycache__", "venv", ".venv", "env", "site-packages", "node_modules"}
#: Bytes at the beginning of a file by which its encoding is guessed.
_SAMPLE = 1000
_PYTHON_2 = re.compile(r"^\s*(print\s+[^(=\s]|exec\s+[^(=\s]|except\s+\w+\s*,\s*\w+\s*:|raise\s+\w+\s*,)", re.MULTILINE)
_CLASS = re.compile(r"^class\s+(\w+)", re.MULTILINE)


def files(root: Path) -> list[Path]:
    """The Python files in a folder, level by level, or the file itself. Links are left out: they may lead anywhere."""
    if root.is_file():
        return [root] if root.suffix != ".ipynb" else []
    found: list[Path] = []
    folders = [root]
    while folders and len(found) < _MAX_FILES:
        below: list[Path] = []
        for folder in folders:
            for entry in sorted(folder.iterdir()):
                if entry.is_symlink() or entry.name in SKIPPED or entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    below.append(entry)
                elif _is_python(entry):
                    found.append(entry)
        folders = below
    return found[:_MAX_FILES]


def beside(file: Path) -> list[Path]:
    """The other Python files in the folder of a file."""
    found = (each for each in sorted(file.parent.iterdir()) if each != file and not each.is_symlink())
    return [each for each in found if each.is_file() and _is_python(each)][:_MAX_FILES]


def imported_by(source: Source, files: Iterable[Path]) -> list[Source]:
    """Those of the files that a source imports, directly or through one another, by any part of a dotted name."""
    left = {path.stem: path for path in files}
    found, waiting = [], [source]
    while waiting:
        for each in waiting.pop().imports:
            for name in (*each.path, *each.names):
                if name in left:
                    found.append(read(left.pop(name)))
                    waiting.append(found[-1])
    return found


def _is_python(file: Path) -> bool:
    return file.suffix == ".py"


def text(file: Path) -> str:
    """What is written in a file, as far as it would be parsed; empty if it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def summary(file: Path) -> versions.FileSummary:
    """The classes and imports of a file, found without parsing it; none if the file cannot be read."""
    try:
        return versions.summarize(file.read_bytes())
    except OSError:
        return versions.summarize(b"")


def read(path: Path) -> Source:
    """Parse a file; if Python cannot, the result has the class names found in its text and the reason."""
    text = ""
    try:
        source = path.read_bytes()
        if (wide := _as_utf_16(source)) is not None:
            return Source(path, tuple(_CLASS.findall(wide)), "is in UTF-16, which Python cannot read: save it as UTF-8")
        text = source.decode("utf-8-sig", "replace")
        if len(source) > MAX_BYTES:
            return Source(path, tuple(_CLASS.findall(text)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)  # from bytes, so that a declared encoding is respected
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        return Source(path, tuple(_CLASS.findall(text)), _unreadable(text, error))
    return Source(path, tuple(_defined(tree)), None, tuple(imports_of(tree)))


def _as_utf_16(source: bytes) -> str | None:
    """The text of a file that is in UTF-16, as some programs on Windows save it; None if it is in another encoding.

    Without a byte order mark it is known by the bytes of zero that each letter of a programming language has.
    """
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return source.decode("utf-16", "replace")
    even, odd = source[0:_SAMPLE:2], source[1:_SAMPLE:2]
    for letters, zeros, encoding in ((even, odd, "utf-16-le"), (odd, even, "utf-16-be")):
        if zeros.count(0) > len(zeros) / 2 and letters.count(0) == 0:
            return source.decode(encoding, "replace")
    return None


def _unreadable(text: str, error: BaseException) -> str:
    line, lines = getattr(error, "lineno", None) or 0, text.split("\n")
    where = f" (line {line}: {lines[line - 1].strip()[:80]})" if 0 < line <= len(lines) else ""
    newer = newer_syntax.version_needed(lines[line - 1]) if 0 < line <= len(lines) else None
    if isinstance(error, SyntaxError) and newer is not None:
        present = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return f"needs Python {newer} or later, and is judged with Python {present}{where}"
    if _PYTHON_2.search(text):
        return f"is Python 2 source{where}; the lab is in Python 3"
    return f"is no Python: {getattr(error, 'msg', None) or str(error) or type(error).__name__}{where}"


def _defined(tree: ast.Module) -> Iterator[str]:
    """The names that class statements and assignments bind, those within conditions and try statements included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
