"""Keeps the result of each part of the report in a file, so that a repeated or interrupted run need not do it again."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np

from reports.io.files import replacing
from reports.study.part import Part, PartResult

#: Results of one part that are kept: enough for the full and the quick report, each before and after a change.
_KEPT = 4


class Cache:
    """A folder with the results of parts; a file that cannot be read counts as missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, part: Part) -> PartResult | None:
        """The result that `put` has kept for the part with the same key; None if there is none."""
        try:
            with self._path(part).open("rb") as stream, np.load(stream, allow_pickle=False) as content:
                arrays = dict(content)
            return PartResult(json.loads(arrays.pop("record").tobytes()), arrays)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def put(self, part: Part, result: PartResult) -> None:
        """Keep the result, and delete the oldest results of the same part.

        Raises
        ------
        OSError
            The folder cannot be written, or the disk is full.
        """
        # Python's JSON keeps every bit of a float and can hold NaN; only this class reads it.
        record = np.frombuffer(json.dumps(result.record).encode(), np.uint8)
        with replacing(self._path(part)) as temporary, temporary.open("wb") as stream:
            np.savez(stream, record=record, **result.arrays)  # type: ignore[arg-type]
        kept = sorted(self._folder.glob(f"{part.name}@*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[_KEPT:]:
            path.unlink(missing_ok=True)

    def _path(self, part: Part) -> Path:
        return self._folder / f"{part.name}@{part.key}.npz"
