"""The verdicts so far, one JSON line each, so that an interrupted run can go on.

The file lies where no submission is, and each line has a seal: what anybody else has written there is not believed. A
line is appended as soon as there is a verdict; a last line that an interruption cut short is passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from platformdirs import user_state_path

import reference
import reports
from reports.course.seal import Seal, seal_in, seal_of
from reports.course.submissions import Submission, digest_of
from reports.course.work import Result
from reports.io.exit_codes import UsageError
from reports.io.files import write_atomically
from reports.io.version import version
from reports.verdicts.class_summary import Entry
from reports.verdicts.judging import Settings

_SCHEMA = 2
_MOST_NAME = 100


class Key(NamedTuple):
    """Which submission, and with what in it."""

    name: str
    digest: str


def key_of(submission: Submission) -> Key:
    """The key of a submission as it is now."""
    return Key(submission.name, submission.digest())


def record_of(folder: Path, reports_folder: Path | None) -> Path:
    """Where the verdicts on the class in a folder are kept: beside the reports, else in the user's state folder.

    Raises
    ------
    UsageError
        That would be in the folder of the class, where anybody who hands something in could write it.
    """
    place, name = folder.resolve(), folder.resolve().name[:_MOST_NAME]
    if reports_folder is not None:
        path = reports_folder / f"check-{name}.jsonl"
    else:
        path = _state() / f"check-{name}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:12]}.jsonl"
    for each in (path, _state()):
        if each.resolve().is_relative_to(place):
            raise UsageError(
                f"expected the record of the verdicts to lie outside {folder}, it would be {each}: let XDG_STATE_HOME "
                "name a folder elsewhere"
            )
    return path


def _state() -> Path:
    return user_state_path("bp-lab", appauthor=False)


class Store:
    """A file of verdicts.

    Parameters
    ----------
    path
        Where it is, as `record_of` says. `begin` makes it anew; `load` reads one.
    folder
        Of the class.

    Attributes
    ----------
    known
        Verdicts, of this run and of an earlier one.
    faults
        Of ours: they are no verdicts, and the next run tries again.
    refused
        The number of lines that were not believed.
    problem
        Why there is no file; None where there is one.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.known: dict[Key, Result] = {}
        self.faults: dict[Key, Result] = {}
        self.refused = 0
        self.problem: str | None = None
        self._folder = folder.resolve()
        self._header: dict[str, Any] = {}

    def begin(self, settings: Settings) -> None:
        """Write the file with what is known and still wanted, and be ready for more."""
        try:
            self._header = _seal().sealed({"schema": _SCHEMA, **self._conditions(settings)})
            self._write()
        except OSError as error:
            self.problem = str(error)

    def _write(self) -> None:
        lines = [_line(self._header), *(self._line_of(key, result) for key, result in self.known.items())]
        write_atomically(self.path, "".join(lines), private=True)

    def _line_of(self, key: Key, result: Result) -> str:
        record = {"digest": key.digest, "isolation": result.isolation, "entry": result.entry.as_dict()}
        return _line(_seal().sealed(record, seal_of(self._header)))

    def add(self, key: Key, result: Result) -> None:
        """Keep what came of a submission."""
        if result.entry.verdict == "error":
            self.faults[key] = result
            return
        self.known[key] = result
        if self.problem is not None:
            return
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(self._line_of(key, result))
        except OSError as error:
            self.problem = str(error)

    def load(self, settings: Settings) -> None:
        """Read what an earlier run with the same settings has found; nothing counts if the examiner has changed.

        Raises
        ------
        UsageError
            The earlier run asked other questions, or the file is none of ours.
        """
        header, *lines = self._lines()
        wanted = self._conditions(settings)
        changed = [name for name in wanted if header.get(name) != wanted[name] and name not in {"examiner", "version"}]
        if changed:
            said = ", ".join(f"{name} = {header.get(name)!r} there, {wanted[name]!r} here" for name in changed)
            raise UsageError(
                f"{self.path} is of a run with other settings ({said}): leave --resume out, or repeat them"
            )
        if all(header.get(name) == wanted[name] for name in ("examiner", "version")):
            believed = [each for each in (_seal().opened(line, seal_of(header)) for line in lines) if each is not None]
            self.refused = len(lines) - len(believed)
            self.known = dict(map(_read, believed))

    def keep(self, wanted: Iterable[Key]) -> None:
        """Forget what is not among these: submissions that have changed or gone."""
        still = set(wanted)
        self.known = {key: result for key, result in self.known.items() if key in still}

    def seed(self) -> int:
        """The seed of the earlier run."""
        return int(self._lines()[0]["seed"])

    def _lines(self) -> list[Any]:
        """The header, whose seal is right, and what stands below it."""
        try:
            text = self.path.read_text(encoding="utf-8")
            complete = text[: text.rfind("\n") + 1]
            lines = [json.loads(line) for line in complete.splitlines()]
        except FileNotFoundError as error:
            raise UsageError(
                f"expected the record of an earlier run to go on with, there is none at {self.path}: leave --resume out"
            ) from error
        except (OSError, ValueError) as error:
            raise UsageError(f"expected {self.path} to be the record of an earlier run of yours: {error}") from error
        header = _seal().opened(lines[0]) if lines else None
        if header is None or header.get("schema") != _SCHEMA:
            raise UsageError(f"expected {self.path} to be the record of an earlier run of yours, it is none")
        return lines

    def _conditions(self, settings: Settings) -> dict[str, Any]:
        return {**asdict(settings), "folder": str(self._folder), "version": version(), "examiner": _examiner()}


def _seal() -> Seal:
    return seal_in(_state())


@cache
def _examiner() -> str:
    """Another one judges otherwise."""
    packages = (Path(each.__file__ or "").parent for each in (reference, reports))
    return hashlib.sha256("".join(map(digest_of, packages)).encode()).hexdigest()


def _read(record: dict[str, Any]) -> tuple[Key, Result]:
    entry = Entry.from_dict(record["entry"])
    return Key(entry.name, record["digest"]), Result(entry, record["isolation"])


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"
