"""Writes and reads the history of a training, and refuses what no training of ours can have been."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import bp
from reports.io.jsonfile import dumps, number
from reports.training.experiments import Experiment

_SERIES = ("loss_train", "loss_test", "acc_train", "acc_test")
_PLACE = {"epoch", "batch", "what"}


class NoHistoryError(Exception):
    """The content is no history of a training; the message says what was expected."""


def text_of(experiment: Experiment, history: bp.History) -> str:
    """The content of the file of a history: JSON with the experiment, the history and a digest of both."""
    record = {"experiment": asdict(experiment), "epochs_done": history.epochs, "history": history.as_dict()}
    return dumps(record | {"digest": _digest(record)})


def _digest(record: dict[str, Any]) -> str:
    """A hash of the values, however they are spaced."""
    return hashlib.sha256(dumps(record, ascii_only=True).encode()).hexdigest()


def read_history(path: Path) -> tuple[str, bp.History]:
    """The name of the experiment and the history in a file that ``bp train`` has written.

    Raises
    ------
    NoHistoryError
        The file cannot be read, or holds something else.
    """
    try:
        return _read(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError, NoHistoryError) as error:
        raise NoHistoryError(f"expected {path} to be a history that bp train has written: {error}") from error


def _read(record: Any) -> tuple[str, bp.History]:
    _require(isinstance(record, dict) and isinstance(record.get("experiment"), dict), "an experiment and a history")
    name = record["experiment"].get("name")
    _require(isinstance(name, str), "an experiment with a name")
    history = history_of(record.get("history"))
    _require(record.get("epochs_done") == history.epochs, f"epochs_done = {history.epochs}, as in the history")
    digest = record.pop("digest", None)
    _require(digest == _digest(record), "numbers that have not been changed or damaged since")
    return name, history


def history_of(value: object) -> bp.History:
    """The history whose `bp.History.as_dict` is ``value``, perhaps with strings for numbers that are not finite.

    Raises
    ------
    NoHistoryError
        It is no such dict, its lists differ in length, or a number is none that a training gives.
    """
    names = {field.name for field in fields(bp.History)}
    if not isinstance(value, dict) or set(value) != names:
        raise NoHistoryError(f"expected a history with {', '.join(sorted(names))}")
    _require(isinstance(value["amplitude"], dict), "amplitudes by layer")
    series = {name: _numbers(value[name], name) for name in _SERIES}
    amplitude = {layer: _numbers(values, f"the amplitude of {layer}") for layer, values in value["amplitude"].items()}
    n, n_test = len(series["loss_train"]), len(series["loss_test"])
    _require(n_test in {0, n}, f"losses of the test set for {n} evaluations or none, got {n_test}")
    lengths = [len(series["acc_train"]), len(series["acc_test"]), *map(len, amplitude.values())]
    _require(lengths == [n, n_test, *(n for _ in amplitude)], "as many numbers in each list")
    shares = series["acc_train"] + series["acc_test"]
    _require(all(0 <= share <= 1 for share in shares), "accuracies from 0 to 1")
    sizes = [*series["loss_train"], *series["loss_test"], *(each for values in amplitude.values() for each in values)]
    _require(not any(size < 0 for size in sizes), "losses and amplitudes of at least 0")
    stopped, place = value["stopped"], value["stopped_at"]
    _require((stopped is None) == (place is None), "the place where it stopped, if it did")
    _require(stopped is None or isinstance(stopped, str), "a sentence that says why it stopped")
    _require(place is None or _is_place(place), "the epoch, the batch and what was not finite")
    return bp.History(**series, amplitude=amplitude, stopped=stopped, stopped_at=place)


def _numbers(value: object, name: str) -> list[float]:
    _require(isinstance(value, list) and all(map(_is_number, value)), f"numbers in {name}")
    return [float(number(each)) for each in value]  # type: ignore[attr-defined]


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return value in {"NaN", "Infinity", "-Infinity"}
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    return whole or isinstance(value, float)


def _is_place(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != _PLACE:
        return False
    count = isinstance(value["epoch"], int) and value["epoch"] >= 0 and isinstance(value["batch"], int | None)
    return count and isinstance(value["what"], str | None)


def _require(holds: bool, expected: str) -> None:
    if not holds:
        raise NoHistoryError(f"expected {expected}")
