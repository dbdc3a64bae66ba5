"""Keeps the result of each part of the report in a file, so that a repeated or interrupted run need not do it again."""

from __future__ import annotations

import shutil
from pathlib import Path

from reports.io.archive import NotOursError, read_archive, write_archive
from reports.study.part import Part, PartResult

#: Results of one part that are kept: enough for the full and the quick report, each before and after a change.
_KEPT = 4


class Cache:
    """A folder with the results of parts; a file that `put` has not written, or that is damaged, counts as missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, part: Part) -> PartResult | None:
        """The result that `put` has kept for the part with the same key; None if there is none."""
        try:
            record, arrays = read_archive(self._path(part))
        except (FileNotFoundError, NotOursError):
            return None
        if not isinstance(record, dict) or record.get("key") != part.key or not isinstance(record.get("result"), dict):
            return None
        return PartResult(record["result"], arrays)

    def put(self, part: Part, result: PartResult) -> None:
        """Keep the result, and delete the oldest results of the same part.

        Raises
        ------
        OSError
            The folder cannot be written, or the disk is full.
        """
        place = self._path(part)
        if place.is_dir():
            shutil.rmtree(place)
        elif place.exists() and not place.is_file():  # a pipe, which nobody reads
            place.unlink()
        # The key is in the file as well, so that a file under another part's name is not taken for that part's result.
        write_archive(place, {"key": part.key, "result": result.record}, result.arrays)
        kept = sorted(self._folder.glob(f"{part.name}@*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[_KEPT:]:
            path.unlink(missing_ok=True)

    def _path(self, part: Part) -> Path:
        return self._folder / f"{part.name}@{part.key}.npz"
