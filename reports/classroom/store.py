"""The verdicts so far, one JSON line each, so that an interrupted run can go on.

A line is appended as soon as there is a verdict; a last line that an interruption cut short is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import reference
from reports.classroom.submissions import Submission, digest_of
from reports.classroom.work import Result
from reports.exit_codes import UsageError
from reports.files import write_atomically
from reports.judging import Settings
from reports.render.class_summary import Entry

_SCHEMA = 1


class Key(NamedTuple):
    """Which submission, and with what in it."""

    name: str
    digest: str


def key_of(submission: Submission) -> Key:
    """The key of a submission as it is now."""
    return Key(submission.name, submission.digest())


class Store:
    """A file of verdicts.

    Parameters
    ----------
    path
        Where it is. `begin` makes it anew; `load` reads one.

    Attributes
    ----------
    known
        Verdicts, of this run and of an earlier one.
    faults
        Of ours: they are no verdicts, and the next run tries again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[Key, Result] = {}
        self.faults: dict[Key, Result] = {}

    def begin(self, settings: Settings) -> None:
        """Write the file with what is known and still wanted, and be ready for more."""
        lines = [_line({"schema": _SCHEMA, **_conditions(settings)})]
        lines += [_line(_record(key, result)) for key, result in self.known.items()]
        write_atomically(self.path, "".join(lines))

    def add(self, key: Key, result: Result) -> None:
        """Keep what came of a submission."""
        if result.entry.verdict == "error":
            self.faults[key] = result
            return
        self.known[key] = result
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(_line(_record(key, result)))

    def load(self, settings: Settings) -> None:
        """Read what an earlier run with the same settings has found; nothing counts if the examiner has changed.

        Raises
        ------
        UsageError
            The earlier run asked other questions, or the file is none of ours.
        """
        header, *lines = self._lines()
        wanted = _conditions(settings)
        changed = [name for name in wanted if header.get(name) != wanted[name] and name != "examiner"]
        if changed:
            said = ", ".join(f"{name} = {header.get(name)!r} there, {wanted[name]!r} here" for name in changed)
            raise UsageError(
                f"{self.path} is of a run with other settings ({said}): leave --resume out, or repeat them"
            )
        if header.get("examiner") == wanted["examiner"]:
            self.known = dict(map(_read, lines))

    def keep(self, wanted: Iterable[Key]) -> None:
        """Forget what is not among these: submissions that have changed or gone."""
        still = set(wanted)
        self.known = {key: result for key, result in self.known.items() if key in still}

    def seed(self) -> int:
        """The seed of the earlier run."""
        return int(self._lines()[0]["seed"])

    def _lines(self) -> list[dict[str, Any]]:
        try:
            text = self.path.read_text(encoding="utf-8")
            complete = text[: text.rfind("\n") + 1]
            lines = [json.loads(line) for line in complete.splitlines()]
        except (OSError, ValueError) as error:
            raise UsageError(f"expected {self.path} of an earlier run to go on with: {error}") from error
        if not lines or not isinstance(lines[0], dict) or lines[0].get("schema") != _SCHEMA or "seed" not in lines[0]:
            raise UsageError(f"expected {self.path} to be the record of an earlier run, it is none")
        return lines


def _conditions(settings: Settings) -> dict[str, Any]:
    return {**asdict(settings), "examiner": _examiner()}


@cache
def _examiner() -> str:
    """Another one judges otherwise."""
    return digest_of(Path(reference.__file__).parent)


def _record(key: Key, result: Result) -> dict[str, Any]:
    return {"digest": key.digest, "isolation": result.isolation, "entry": result.entry.as_dict()}


def _read(record: dict[str, Any]) -> tuple[Key, Result]:
    entry = Entry.from_dict(record["entry"])
    return Key(entry.name, record["digest"]), Result(entry, record["isolation"])


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"
