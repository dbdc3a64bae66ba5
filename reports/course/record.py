"""The record of a run of ``bp check --all``: its verdicts so far, so that an interrupted run can go on.

The record is a file with a header and one line of JSON for each verdict, which is appended as soon as there is one. A
last line that an interruption has cut short is ignored. The file lies outside the folder of the submissions, and each
line has a seal: a line that somebody else has written or changed is ignored too.
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
from reports.course.entry import Entry
from reports.course.seal import Seal, seal_in, seal_of
from reports.course.submissions import Submission, digest_of
from reports.course.task import Result
from reports.io.exit_codes import UsageError
from reports.io.files import write_atomically
from reports.io.version import version
from reports.verdicts.settings import Settings

_SCHEMA = 2
#: Characters of the folder's name that enter the name of the file.
_LONGEST_NAME = 100


class Key(NamedTuple):
    """Identifies a submission and its contents; a submission that has changed gets another key."""

    name: str
    digest: str


def key_of(submission: Submission) -> Key:
    """The key of a submission with its present contents."""
    return Key(submission.name, submission.digest())


def record_path(folder: Path, reports_folder: Path | None, shard: tuple[int, int] | None = None) -> Path:
    """The path of the record for the submissions in a folder: with the reports, else in the user's state folder.

    Each shard has a record of its own, since several may run on one machine.

    Raises
    ------
    UsageError
        The record would lie in the folder of the submissions, where students could write it.
    """
    place, name = folder.resolve(), folder.resolve().name[:_LONGEST_NAME]
    if shard is not None:
        name = f"{name}-{shard[0]}-of-{shard[1]}"
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


class Record:
    """The record of a run, in memory and as a file.

    Parameters
    ----------
    path
        The file, from `record_path`. `load` reads an earlier one, `begin` writes a new one.
    folder
        The folder of the submissions.

    Attributes
    ----------
    known
        The verdicts of this run and of the earlier one.
    faults
        The submissions that the examiner failed to judge. They are not written, so the next run tries again.
    refused
        The number of lines whose seal was wrong.
    problem
        Why the file cannot be written; None if it can.
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
        """Write the file anew, with the header and the verdicts in ``known``; `add` can then append."""
        try:
            self._header = own_seal().sealed({"schema": _SCHEMA, **self._conditions(settings)})
            self._write()
        except OSError as error:
            self.problem = str(error)

    def _write(self) -> None:
        lines = [_line(self._header), *(self._line_of(key, result) for key, result in self.known.items())]
        write_atomically(self.path, "".join(lines), private=True)

    def _line_of(self, key: Key, result: Result) -> str:
        record = {"digest": key.digest, "isolation": result.isolation, "entry": result.entry.as_dict()}
        return _line(own_seal().sealed(record, seal_of(self._header)))

    def add(self, key: Key, result: Result) -> None:
        """Keep the result of a submission, and append it to the file if it is a verdict."""
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
        """Read the verdicts of an earlier run with the same settings; none is used if the examiner has changed since.

        Raises
        ------
        UsageError
            The earlier run had other settings, or the file is no record.
        """
        header, *lines = self._lines()
        wanted = self._conditions(settings)
        changed = [name for name in wanted if header.get(name) != wanted[name] and name not in {"examiner", "version"}]
        if changed:
            said = ", ".join(f"{name} = {header.get(name)!r} there, {wanted[name]!r} here" for name in changed)
            raise UsageError(
                f"{self.path} is of a run with other settings ({said}): give the same settings, or leave --resume out"
            )
        if all(header.get(name) == wanted[name] for name in ("examiner", "version")):
            genuine = [
                each for each in (own_seal().opened(line, seal_of(header)) for line in lines) if each is not None
            ]
            self.refused = len(lines) - len(genuine)
            self.known = dict(map(_key_and_result, genuine))

    def keep(self, wanted: Iterable[Key]) -> None:
        """Forget all verdicts except these, because the other submissions have changed or are gone."""
        wanted = set(wanted)
        self.known = {key: result for key, result in self.known.items() if key in wanted}

    def seed(self) -> int:
        """The seed of the earlier run."""
        return int(self._lines()[0]["seed"])

    def _lines(self) -> list[Any]:
        """The lines of the file as JSON values: the header, whose seal is checked here, and the sealed verdicts."""
        try:
            text = self.path.read_text(encoding="utf-8")
            complete = text[: text.rfind("\n") + 1]
            lines = [json.loads(line) for line in complete.splitlines()]
        except FileNotFoundError as error:
            raise UsageError(
                f"expected the record of an earlier run to go on with, there is none at {self.path}: leave --resume out"
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            raise UsageError(f"expected {self.path} to be the record of an earlier run of yours: {error}") from error
        header = own_seal().opened(lines[0]) if lines else None
        if header is None or header.get("schema") != _SCHEMA:
            raise UsageError(f"expected {self.path} to be the record of an earlier run of yours, it is none")
        return lines

    def _conditions(self, settings: Settings) -> dict[str, Any]:
        """Everything that must be the same for an earlier verdict to be used again."""
        return {**asdict(settings), "folder": str(self._folder), "version": version(), "examiner": examiner()}


def own_seal() -> Seal:
    """The seal of this user on this machine."""
    return seal_in(_state())


@cache
def examiner() -> str:
    """A hash of our own source: a verdict of another version of the examiner must not be used."""
    packages = (Path(each.__file__ or "").parent for each in (reference, reports))
    return hashlib.sha256("".join(map(digest_of, packages)).encode()).hexdigest()


def _key_and_result(record: dict[str, Any]) -> tuple[Key, Result]:
    entry = Entry.from_dict(record["entry"])
    return Key(entry.name, record["digest"]), Result(entry, record["isolation"])


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"
