"""Points for what a submission does right, by a scheme in a TOML file: parts with patterns of checks."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, isfinite
from pathlib import Path
from typing import Any

from reference import Finding
from reference.engine import Check
from reference.lab.check import checks_of
from reports.io.exit_codes import UsageError
from reports.verdicts.expectations import accepted

#: The scheme that comes with the examiner, by the name that --points knows it by.
PRESETS = {"lab": Path(__file__).with_name("lab-points.toml")}
_KEYS = {"title", "points", "checks", "without", "weights", "credit"}
#: What a method earns: everything if all its checks pass and else nothing, or the share of its checks that pass.
_CREDITS = ("method", "check")


@dataclass(frozen=True)
class Part:
    """A part of the scheme.

    Attributes
    ----------
    title
        What it is called.
    points
        What a right submission gets for it.
    methods
        By method: its weight, and the ids of its checks that belong to this part.
    credit
        One of "method" and "check": what of a method counts.
    """

    title: str
    points: float
    methods: Mapping[str, tuple[float, tuple[str, ...]]]
    credit: str = "method"

    def earned(self, passed: Collection[str]) -> float:
        """The points of a submission that passes these checks."""
        return fsum(points for _, points, _ in self.by_method(passed))

    def by_method(self, passed: Collection[str]) -> list[tuple[str, float, float]]:
        """Each method with the points that it earns and those that it could earn."""
        whole = fsum(weight for weight, _ in self.methods.values())
        found = []
        for subject, (weight, checks) in self.methods.items():
            share = sum(check in passed for check in checks) / len(checks)
            most = self.points * weight / whole
            found.append((subject, most * (share if self.credit == "check" else float(share == 1)), most))
        return found


@dataclass(frozen=True)
class Scheme:
    """A scheme of points: its parts."""

    parts: tuple[Part, ...]

    @property
    def most(self) -> float:
        """The points of a right submission."""
        return fsum(each.points for each in self.parts)

    def earned(self, passed: Collection[str]) -> list[float]:
        """The points for each part, to two decimal places."""
        return [round(each.earned(passed), 2) for each in self.parts]

    def total(self, passed: Collection[str]) -> float:
        """The points for all parts, to two decimal places."""
        return round(fsum(each.earned(passed) for each in self.parts), 2)

    def record(self, passed: Collection[str]) -> dict[str, Any]:
        """The points as values that JSON can hold: in all, and for each part."""
        earned = zip(self.parts, self.earned(passed), strict=True)
        parts = [{"title": part.title, "points": points, "of": part.points} for part, points in earned]
        return {"total": self.total(passed), "of": self.most, "parts": parts}

    def lines(self, passed: Collection[str]) -> list[str]:
        """The points in words: those for each part, then all."""
        earned = zip(self.parts, self.earned(passed), strict=True)
        lines = [f"{in_numbers(points)} of {in_numbers(part.points)}  {part.title}" for part, points in earned]
        return [*lines, f"{in_numbers(self.total(passed))} of {in_numbers(self.most)}  in all"]


def credited(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The ids of the checks that count as held.

    These are the checks that passed, and those that were not judged for a reason that is not the submission's, such as
    too little time on a busy machine; unless nothing passed at all.
    """
    if not any(each.status == "passed" for each in findings):
        return ()
    return tuple(each.check for each in findings if each.status == "passed" or _is_excused(each))


def _is_excused(finding: Finding) -> bool:
    """Whether a check was not judged although nothing that it stands on failed, and no failure of it was accepted."""
    came = finding.came
    own = came is None or came.kind in {"depends", "suspects"}
    return finding.status == "skipped" and not own and accepted(finding) is None


def in_numbers(points: float) -> str:
    """Points as they are written: without zeros that say nothing."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def load(path: Path, assignment: int) -> Scheme:
    """The scheme in a file, or the preset of that name, for the checks of an assignment.

    A part whose checks all belong to other assignments is left out.

    Raises
    ------
    UsageError
        The file cannot be read or is no scheme; the message says what was expected there.
    """
    file = path if path.exists() else PRESETS.get(str(path), path)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        presets = ", ".join(PRESETS)
        raise UsageError(f"expected --points to be a TOML file or one of {presets}, {path}: {error}") from error
    tables = content.get("part")
    if set(content) != {"part"} or not isinstance(tables, list):
        raise UsageError(f"{path}: expected a table [[part]] for each part and nothing else, got {', '.join(content)}")
    every = checks_of("*", 3)
    asked = [each for each in every if assignment in each.assignments]
    parts = [_part(table, number, path, every, asked) for number, table in enumerate(tables, start=1)]
    return Scheme(tuple(each for each in parts if each is not None))


def _part(table: Any, number: int, path: Path, every: Sequence[Check], asked: Sequence[Check]) -> Part | None:
    where = f"{path}, part {number}"
    if not isinstance(table, dict) or not {"points", "checks"} <= set(table) <= _KEYS:
        raise UsageError(f"{where}: expected points and checks, and perhaps {', '.join(sorted(_KEYS))}")
    points = _number(table["points"], f"{where}: points")
    patterns, without = (_texts(table.get(name, []), f"{where}: {name}") for name in ("checks", "without"))
    credit = table.get("credit", "method")
    if credit not in _CREDITS:
        raise UsageError(f"{where}: expected credit to be one of {', '.join(_CREDITS)}, got {credit!r}")
    weights = table.get("weights", {})
    if not isinstance(weights, dict):
        raise UsageError(f"{where}: expected weights to be a table of methods and numbers, got {weights!r}")
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(each.id, pattern) for each in every):
            raise UsageError(f"{where}: no check matches {pattern!r}; `bp check --list` shows all")
    chosen = [each for each in asked if _matches(each.id, patterns) and not _matches(each.id, without)]
    methods: dict[str, list[str]] = {}
    for each in chosen:
        methods.setdefault(each.subject, []).append(each.id)
    weighted = {subject: (_weight(subject, weights, where), tuple(checks)) for subject, checks in methods.items()}
    weighted = {subject: each for subject, each in weighted.items() if each[0] > 0}
    return Part(str(table.get("title", f"part {number}")), points, weighted, credit) if weighted else None


def _weight(subject: str, weights: Mapping[str, Any], where: str) -> float:
    """The weight of a method: that of the first pattern that matches it, else 1."""
    found = (weight for pattern, weight in weights.items() if fnmatch.fnmatchcase(subject, pattern))
    return _number(next(found, 1), f"{where}: the weight of {subject}")


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise UsageError(f"{what}: expected a number of at least 0, got {value!r}")
    return float(value)


def _texts(value: Any, what: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UsageError(f"{what}: expected a list of patterns, got {value!r}")
    return value


def _matches(check: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(check, each) for each in patterns)
