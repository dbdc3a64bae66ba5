"""Unpacks an archive that nobody trusts: into one folder, within limits, and regular files alone."""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

#: The limits of the sandbox, which would refuse more.
MOST_FILES, MOST_BYTES = 2000, 2**26
#: Endings of archives that can be opened, in small letters.
ZIP = (".zip",)
TAR = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
#: Endings of archives that people hand in and Python cannot open.
FOREIGN = (".rar", ".7z", ".tar.zst")
_CHUNK = 2**16
#: The bit of an entry's flags that says that it is encrypted.
_ENCRYPTED = 0x1
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
#: The path of an entry as the archive writes it, and how to read it; None for a folder.
_Entry = tuple[str, Callable[[], IO[bytes]] | None]


class UnpackError(Exception):
    """The archive cannot or must not be unpacked; the message says why and has the archive as its subject."""


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive, one that cannot be opened included."""
    return path.name.lower().endswith((*ZIP, *TAR, *FOREIGN))


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip or tar file into a folder that exists.

    Raises
    ------
    UnpackError
        It is of another format, is damaged, encrypted or too large, or holds a name that leads out of the folder.
    """
    named = _kind_by_name(archive)
    try:
        kind = _kind_by_content(archive, named)
        if kind == "zip":
            with zipfile.ZipFile(archive) as opened:
                _unpack(_of_zip(opened), target)
        elif kind == "tar":
            with tarfile.open(archive, "r:*") as opened:
                _unpack(_of_tar(opened), target)
        else:
            raise UnpackError(f"is a {archive.suffix.lower()} archive, which cannot be opened here: hand in a .zip")
    except _DAMAGED as error:
        first_line = str(error).partition("\n")[0].rstrip(":")
        raise UnpackError(f"is no {named or 'archive'} file that can be read: {first_line}") from error
    except OSError as error:
        # A damaged compressed tar file is one too, and there is no error number then. Otherwise, for example, one entry
        # is a file that another needs as a folder, or a name is too long.
        raise UnpackError(f"cannot be unpacked: {error.strerror or error}") from error


def _kind_by_name(archive: Path) -> str | None:
    name = archive.name.lower()
    return "zip" if name.endswith(ZIP) else "tar" if name.endswith(TAR) else None


def _kind_by_content(archive: Path, named: str | None) -> str | None:
    """The kind of an archive, whatever its name says: people rename a .zip to .rar, as if that changed it."""
    if named != "tar" and zipfile.is_zipfile(archive):
        return "zip"
    if tarfile.is_tarfile(archive):
        return "tar"
    # Last for what is called a tar file, since one that holds a zip file at its end looks like that too.
    return "zip" if zipfile.is_zipfile(archive) else named


def _unpack(entries: Iterator[_Entry], target: Path) -> None:
    left = MOST_BYTES
    for number, (name, read) in enumerate(entries):
        if number >= MOST_FILES:
            raise UnpackError(f"holds more than {MOST_FILES} files")
        place = target / _checked_name(name)
        if read is None:
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            left -= _write(read, place, left)


def _of_zip(opened: zipfile.ZipFile) -> Iterator[_Entry]:
    """The folders and regular files of a zip file.

    Links are left out, as in a folder. An archive that was not made on Unix usually states no kind of file at all.
    """
    for entry in opened.infolist():
        if entry.flag_bits & _ENCRYPTED:
            raise UnpackError("is encrypted")
        if entry.is_dir() or entry.filename.endswith("\\"):
            yield entry.filename, None
        elif stat.S_IFMT(entry.external_attr >> 16) in {0, stat.S_IFREG}:
            yield entry.filename, lambda entry=entry: opened.open(entry)  # type: ignore[misc]


def _of_tar(opened: tarfile.TarFile) -> Iterator[_Entry]:
    """The folders and regular files of a tar file, one after the other, since its length is not known beforehand."""
    for entry in opened:
        if entry.isdir():
            yield entry.name, None
        elif entry.isreg():
            stream = opened.extractfile(entry)
            if stream is not None:
                yield entry.name, lambda stream=stream: stream  # type: ignore[misc]


def _checked_name(name: str) -> PurePosixPath:
    """The name of an entry as a path; a name that leads out of the folder is refused.

    Some programs on Windows write a backslash between the names of folders, although the format asks for a slash.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).anchor or ".." in path.parts:
        raise UnpackError(f"holds the name {name!r}, which leads out of its folder")
    return path


def _write(read: Callable[[], IO[bytes]], place: Path, left: int) -> int:
    """Write one entry and return its size; count the bytes, because the size that the archive states may be false.

    Of several entries with the same name the last one counts, as for the programs that unpack such files: `tar` adds a
    newer version of a file at the end.
    """
    written = 0
    with read() as source, place.open("wb") as copy:
        while part := source.read(_CHUNK):
            written += len(part)
            if written > left:
                raise UnpackError(f"holds more than {MOST_BYTES >> 20} MiB")
            copy.write(part)
    return written
