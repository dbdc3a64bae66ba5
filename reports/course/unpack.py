"""Takes a zip file apart, whatever it claims: into one folder, within limits, regular files alone."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

#: As many as the sandbox takes.
MOST_FILES, MOST_BYTES = 2000, 2**26
_PART = 2**16
_ENCRYPTED = 0x1


class UnpackError(Exception):
    """The archive cannot be, or must not be, unpacked; the message says why."""


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip file into a folder that exists.

    Raises
    ------
    UnpackError
        It is no zip file, is damaged or encrypted, is too large, or has a name that leads out of the folder.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            _unpack(opened, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UnpackError(f"is no zip file that can be read: {error}") from error
    except OSError as error:
        # Two entries of which one is the other's folder, or a name that is too long.
        raise UnpackError(f"cannot be unpacked: {error.strerror or error}") from error


def _unpack(opened: zipfile.ZipFile, target: Path) -> None:
    entries = opened.infolist()
    if len(entries) > MOST_FILES:
        raise UnpackError(f"holds {len(entries)} files, at most {MOST_FILES} are taken")
    left = MOST_BYTES
    for entry in entries:
        place = target / _inside(entry.filename)
        if entry.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif _regular(entry):
            place.parent.mkdir(parents=True, exist_ok=True)
            left -= _write(opened, entry, place, left)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).anchor or ".." in path.parts or "\\" in name:
        raise UnpackError(f"holds the name {name!r}, which leads out of its folder")
    return path


def _regular(entry: zipfile.ZipInfo) -> bool:
    if entry.flag_bits & _ENCRYPTED:
        raise UnpackError("is encrypted")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    # A link is left out as in a folder that is handed in; most archives that are not from Unix have no kind at all.
    return kind in {0, stat.S_IFREG}


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path, left: int) -> int:
    """Count what comes, since an archive may announce anything."""
    written = 0
    with opened.open(entry) as source, place.open("xb") as copy:
        while part := source.read(_PART):
            written += len(part)
            if written > left:
                raise UnpackError(f"holds more than {MOST_BYTES >> 20} MiB")
            copy.write(part)
    return written
