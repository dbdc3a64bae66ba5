"""A class judged on several machines: what each of them hands on, and how that is joined.

What a shard hands on has a seal, so that a file that was changed on its way is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reports.course.entry import Entry
from reports.course.record import Key, examiner, own_seal
from reports.course.seal import Seal, seal_of_secret
from reports.course.summary import SCHEMA
from reports.course.task import Result
from reports.io.exit_codes import UsageError
from reports.io.version import version
from reports.verdicts.json_ import encoded
from reports.verdicts.settings import Settings

#: The environment variable that holds a secret which all machines of a class share.
SEAL_KEY = "BP_SEAL_KEY"
_FIELDS = {"shard", "submissions", "contents", "settings", "results"}
#: Of the settings in a file, those that are not of `Settings`.
_OF_VERSION = {"version", "examiner"}
#: The shard I of N, from 1 to N.
Shard = tuple[int, int]


def own(names: Sequence[Any], shard: Shard | None) -> list[tuple[int, Any]]:
    """Those of the submissions that a shard judges, each with its place among all; all if there is no shard."""
    first, every = (1, 1) if shard is None else shard
    return [(place, each) for place, each in enumerate(names) if place % every == first - 1]


def shared_seal() -> Seal:
    """The seal of the files that shards hand on: of the secret in BP_SEAL_KEY, else of this user on this machine.

    Raises
    ------
    UsageError
        There is no secret, and the user's own key cannot be read or written.
    """
    if secret := os.environ.get(SEAL_KEY):
        return seal_of_secret(secret)
    try:
        return own_seal()
    except OSError as error:
        raise UsageError(f"a shard is sealed, and there is no key: {error}; or set {SEAL_KEY} to a secret") from error


def contents_of(keys: Iterable[Key]) -> str:
    """A hash of the names and the contents of all submissions, which is the same for all shards of a class."""
    return hashlib.sha256(json.dumps(sorted(keys)).encode()).hexdigest()


def as_json(results: Mapping[int, Result], keys: Sequence[Key], shard: Shard, settings: Settings) -> str:
    """What a shard hands on: its verdicts by their places among all submissions, and what they depend on."""
    handed_on = {
        "schema": SCHEMA,
        "shard": list(shard),
        "submissions": len(keys),
        "contents": contents_of(keys),
        "settings": _conditions(settings),
        "results": [
            {"place": place, "isolation": each.isolation, "entry": each.entry.as_dict()}
            for place, each in results.items()
        ],
    }
    # The seal is of the values that a reader finds in the file.
    return encoded(shared_seal().sealed(json.loads(encoded(handed_on))))


def _conditions(settings: Settings) -> dict[str, Any]:
    return {**asdict(settings), "version": version(), "examiner": examiner()}


def merged(paths: Sequence[Path]) -> tuple[list[Result], Settings]:
    """The results of all submissions in their order, and the settings of all shards.

    Raises
    ------
    UsageError
        A file is not of a shard or has been changed, shards were judged in different ways or by another version, or one
        is missing or there twice.
    """
    seal = shared_seal()
    shards = [_read(path, seal) for path in paths]
    first = shards[0]
    for path, each in zip(paths, shards, strict=True):
        for name in ("settings", "submissions", "contents"):
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
    settings = Settings(**{name: value for name, value in first["settings"].items() if name not in _OF_VERSION})
    if first["settings"] != _conditions(settings):
        raise UsageError(
            f"expected {paths[0]} to be judged by this version of bp, {version()}, it was by another "
            f"({first['settings']['version']}): merge with the version that has judged"
        )
    return results, settings


def _read(path: Path, seal: Seal) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"expected {path} to be what --shard has written with --json: {error}") from error
    if not isinstance(content, dict) or not _FIELDS.issubset(content):
        raise UsageError(f"expected {path} to be what --shard has written with --json, it is something else")
    opened = seal.opened(content)
    if opened is None:
        raise UsageError(
            f"the seal of {path} is wrong: somebody has changed the file, or another user or machine has written it; "
            f"judge this shard again, and give all machines the same secret in {SEAL_KEY}"
        )
    return opened
