"""Unpacks a zip file that nobody trusts: into one folder, within limits, and regular files alone."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

#: The limits of the sandbox, which would refuse more.
MOST_FILES, MOST_BYTES = 2000, 2**26
_CHUNK = 2**16
#: The bit of an entry's flags that says that it is encrypted.
_ENCRYPTED = 0x1


class UnpackError(Exception):
    """The archive cannot or must not be unpacked; the message says why and has the archive as its subject."""


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip file into a folder that exists.

    Raises
    ------
    UnpackError
        It is no zip file, is damaged, encrypted or too large, or holds a name that leads out of the folder.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            _unpack(opened, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UnpackError(f"is no zip file that can be read: {error}") from error
    except OSError as error:
        # For example, one entry is a file that another needs as a folder, or a name is too long.
        raise UnpackError(f"cannot be unpacked: {error.strerror or error}") from error


def _unpack(opened: zipfile.ZipFile, target: Path) -> None:
    entries = opened.infolist()
    if len(entries) > MOST_FILES:
        raise UnpackError(f"holds {len(entries)} files, at most {MOST_FILES} are taken")
    left = MOST_BYTES
    for entry in entries:
        place = target / _checked_name(entry.filename)
        if entry.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif _is_regular_file(entry):
            place.parent.mkdir(parents=True, exist_ok=True)
            left -= _write(opened, entry, place, left)


def _checked_name(name: str) -> PurePosixPath:
    """The name of an entry as a path; a name that leads out of the folder is refused."""
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).anchor or ".." in path.parts or "\\" in name:
        raise UnpackError(f"holds the name {name!r}, which leads out of its folder")
    return path


def _is_regular_file(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is to be unpacked; an encrypted one is refused."""
    if entry.flag_bits & _ENCRYPTED:
        raise UnpackError("is encrypted")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    # Links are left out, as in a folder. An archive that was not made on Unix usually states no kind of file at all.
    return kind in {0, stat.S_IFREG}


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path, left: int) -> int:
    """Write one entry and return its size; count the bytes, because the size that the archive states may be false."""
    written = 0
    with opened.open(entry) as source, place.open("xb") as copy:
        while part := source.read(_CHUNK):
            written += len(part)
            if written > left:
                raise UnpackError(f"holds more than {MOST_BYTES >> 20} MiB")
            copy.write(part)
    return written
