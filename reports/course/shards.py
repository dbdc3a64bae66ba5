"""A class judged on several machines: what each of them hands on, and how that is joined."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reports.course.entry import Entry
from reports.course.summary import SCHEMA
from reports.course.task import Result
from reports.io.exit_codes import UsageError
from reports.io.version import version
from reports.verdicts.json_ import encoded
from reports.verdicts.settings import Settings

#: The shard I of N, from 1 to N.
Shard = tuple[int, int]


def own(names: Sequence[Any], shard: Shard | None) -> list[tuple[int, Any]]:
    """Those of the submissions that a shard judges, each with its place among all; all if there is no shard."""
    first, every = (1, 1) if shard is None else shard
    return [(place, each) for place, each in enumerate(names) if place % every == first - 1]


def as_json(results: Mapping[int, Result], submissions: int, shard: Shard, settings: Settings) -> str:
    """What a shard hands on: its verdicts by their places among all submissions, and what they depend on."""
    return encoded(
        {
            "schema": SCHEMA,
            "shard": list(shard),
            "submissions": submissions,
            "settings": _conditions(settings),
            "results": [
                {"place": place, "isolation": each.isolation, "entry": each.entry.as_dict()}
                for place, each in results.items()
            ],
        }
    )


def _conditions(settings: Settings) -> dict[str, Any]:
    return {**asdict(settings), "version": version()}


def merged(paths: Sequence[Path]) -> tuple[list[Result], Settings]:
    """The results of all submissions in their order, and the settings of all shards.

    Raises
    ------
    UsageError
        A file is not of a shard, shards were judged in different ways, or one is missing or there twice.
    """
    shards = [_read(path) for path in paths]
    first = shards[0]
    for path, each in zip(paths, shards, strict=True):
        for name in ("settings", "submissions"):
            if each[name] != first[name]:
                raise UsageError(f"expected {path} to have the {name} of {paths[0]}: {each[name]} and {first[name]}")
    every = first["shard"][1]
    present = sorted(tuple(each["shard"]) for each in shards)
    if present != [(number, every) for number in range(1, every + 1)]:
        got = ", ".join(f"{number}/{of}" for number, of in present)
        raise UsageError(f"expected each of the {every} shards once, got {got}")
    by_place = {each["place"]: each for shard in shards for each in shard["results"]}
    if sorted(by_place) != list(range(first["submissions"])):
        raise UsageError(f"expected {first['submissions']} verdicts, got {len(by_place)}: a shard was interrupted")
    results = [
        Result(Entry.from_dict(by_place[place]["entry"]), by_place[place]["isolation"]) for place in sorted(by_place)
    ]
    return results, Settings(**{name: value for name, value in first["settings"].items() if name != "version"})


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"expected {path} to be what --shard has written with --json: {error}") from error
    if not isinstance(content, dict) or not {"shard", "submissions", "settings", "results"} <= set(content):
        raise UsageError(f"expected {path} to be what --shard has written with --json, it is something else")
    return content
