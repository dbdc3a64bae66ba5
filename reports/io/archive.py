"""Keeps a record and arrays in one file, and knows whether a file is one that was so kept.

The file is a zip archive as `numpy.load` reads it. Its comment, which is its end, is the SHA-256 of all before: so no
byte of a damaged file, or of one that somebody else has made, is ever interpreted.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reports.io.files import write_atomically

Arrays = dict[str, np.ndarray[Any, Any]]

_DIGITS = 64
_RECORD = "record"


class NotOursError(Exception):
    """The file is none that `write_archive` has written, or has changed since; the message says so."""


def write_archive(path: Path, record: Any, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Write a record of JSON's types, and arrays by name, whole or not at all.

    Raises
    ------
    OSError
        The folder cannot be written, or the disk is full.
    """
    stream = io.BytesIO()
    # Python's JSON keeps every bit of a float and can hold NaN; only `read_archive` reads it.
    encoded = np.frombuffer(json.dumps(record).encode(), np.uint8)
    np.savez(stream, **{_RECORD: encoded}, **arrays)  # type: ignore[arg-type]
    with zipfile.ZipFile(stream, "a") as archive:
        archive.comment = bytes(_DIGITS)
    content = stream.getvalue()[:-_DIGITS]
    write_atomically(path, content + _digest(content))


def read_archive(path: Path) -> tuple[Any, Arrays]:
    """The record and the arrays that `write_archive` has written.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    NotOursError
        It cannot be read, or is none of ours.
    """
    if path.exists() and not path.is_file():
        raise NotOursError("it is a folder, a pipe or a device")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotOursError(str(error)) from error
    if _digest(content[:-_DIGITS]) != content[-_DIGITS:]:
        raise NotOursError("it was not written by bp, or has been changed or damaged since")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = dict(archive)
    return json.loads(arrays.pop(_RECORD).tobytes()), arrays


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
