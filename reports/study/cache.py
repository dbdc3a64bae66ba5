"""What the report has worked out before, a file for each part, so that a repeated or interrupted one goes on."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np

from reports.io.files import replacing
from reports.study.part import Made, Part

#: Files of one part that are kept: those of the full report and of the quick one, with and without a change.
_KEPT = 4


class Cache:
    """A folder of results by part and key; a file that cannot be read counts as none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, part: Part) -> Made | None:
        """What `put` has kept of the same part with the same key; None if there is nothing."""
        try:
            with self._path(part).open("rb") as stream, np.load(stream, allow_pickle=False) as content:
                arrays = dict(content)
            return Made(json.loads(arrays.pop("record").tobytes()), arrays)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def put(self, part: Part, made: Made) -> None:
        """Keep it, whole or not at all, and drop what is oldest of the same part.

        Raises
        ------
        OSError
            The folder cannot be written, or the disk is full.
        """
        # Python's JSON keeps every bit of a float, NaN included, and nobody else reads this.
        record = np.frombuffer(json.dumps(made.record).encode(), np.uint8)
        with replacing(self._path(part)) as temporary, temporary.open("wb") as stream:
            np.savez(stream, record=record, **made.arrays)  # type: ignore[arg-type]
        kept = sorted(self._folder.glob(f"{part.name}@*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[_KEPT:]:
            path.unlink(missing_ok=True)

    def _path(self, part: Part) -> Path:
        return self._folder / f"{part.name}@{part.key}.npz"
