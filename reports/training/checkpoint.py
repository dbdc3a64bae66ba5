"""Saves the weights and the history of a run in one file, so that an interrupted run can go on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import bp
from reports.io.archive import Arrays, NotOursError, read_archive, write_archive
from reports.training.experiments import Data, Experiment, sets_of
from reports.training.saved_history import NoHistoryError, history_of

_SCHEMA = 2


class CheckpointError(Exception):
    """The file cannot be read, or is of a run with other settings; the message is for the user."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of the file.

    Attributes
    ----------
    settings
        The settings of the run.
    data
        The digest of its data, from `digest_of`.
    history
        Its history.
    arrays
        Its weights: for each linear layer ``name.W`` and ``name.b``.
    """

    settings: dict[str, Any]
    data: str
    history: bp.History
    arrays: Arrays

    @property
    def finished(self) -> bool:
        """Whether the run has done all its epochs, or has stopped for good."""
        return bool(self.history.epochs >= self.settings["n_epochs"]) or self.history.stopped is not None

    def restore(self, net: bp.MLP) -> bp.History:
        """Give ``net`` the saved weights, and return the history to go on with."""
        for name, array in _arrays_of(net).items():
            array[...] = self.arrays[name]
        return self.history


def save(path: Path, experiment: Experiment, net: bp.MLP, history: bp.History, data: str) -> None:
    """Save the run in its present state; an interruption leaves the earlier file as it was.

    ``data`` is the digest of its data, from `digest_of`.
    """
    record = {"schema": _SCHEMA, "settings": asdict(experiment), "data": data, "history": history.as_dict()}
    write_archive(path, record, _arrays_of(net))


def load(path: Path) -> Checkpoint:
    """Read what `save` wrote.

    Raises
    ------
    CheckpointError
        The file does not exist, or was not written by `save`.
    """
    try:
        record, arrays = read_archive(path)
        return _checkpoint(record, arrays)
    except FileNotFoundError as error:
        raise CheckpointError(f"expected an earlier run's weights in {path}, found no such file") from error
    except (NotOursError, NoHistoryError) as error:
        raise CheckpointError(f"{path} does not hold an earlier run ({error}): give another --out") from error


def _checkpoint(record: Any, arrays: Arrays) -> Checkpoint:
    if not isinstance(record, dict) or record.get("schema") != _SCHEMA:
        raise NoHistoryError("expected a run that this version of bp has saved")
    settings, data = record.get("settings"), record.get("data")
    if not isinstance(settings, dict) or not isinstance(settings.get("n_epochs"), int) or not isinstance(data, str):
        raise NoHistoryError("expected the settings of a run and the digest of its data")
    return Checkpoint(settings, data, history_of(record.get("history")), arrays)


def check_same_run(saved: Checkpoint, experiment: Experiment, net: bp.MLP, path: Path) -> None:
    """Raise a `CheckpointError` unless ``saved`` is of this experiment; only the number of epochs may differ."""
    # JSON turns a tuple into a list, as it did with the saved settings.
    wanted = json.loads(json.dumps(asdict(experiment)))
    differing = [name for name in wanted if name != "n_epochs" and saved.settings.get(name) != wanted[name]]
    if differing:
        said = ", ".join(f"{name} = {saved.settings.get(name)} there, {wanted[name]} here" for name in differing)
        raise CheckpointError(
            f"{path} is of a run with other settings ({said}): give the same settings, or another --out"
        )
    if saved.history.epochs > experiment.n_epochs:
        raise CheckpointError(
            f"{path} is of a run that is past epoch {experiment.n_epochs} already: "
            f"{saved.history.epochs} epochs are done; ask for more with --epochs"
        )
    fresh = _arrays_of(net)
    if _kinds(saved.arrays) != _kinds(fresh) or not all(np.isfinite(each).all() for each in saved.arrays.values()):
        raise CheckpointError(f"{path} does not hold the weights of this network: give another --out")
    layers = list(net.parameters())
    if saved.history.loss_train and list(saved.history.amplitude) != layers:
        raise CheckpointError(f"{path} holds no history of the layers {', '.join(layers)}: give another --out")


def check_same_data(saved: Checkpoint, data: str, path: Path) -> None:
    """Raise a `CheckpointError` unless the run was trained with these data: a curve must not mix two data sets."""
    if saved.data != data:
        raise CheckpointError(
            f"{path} is of a run with other data than those that are loaded now: name the same data with --from or "
            "BP_MNIST, or start again with --overwrite"
        )


def digest_of(data: Data) -> str:
    """A hash of the arrays that a run is trained and tested with."""
    digest = hashlib.sha256()
    for array in (each for pair in sets_of(data) for each in pair):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _arrays_of(net: bp.MLP) -> Arrays:
    return {
        f"{name}.{letter}": array
        for name, pair in net.parameters().items()
        for letter, array in zip("Wb", pair, strict=True)
    }


def _kinds(arrays: Arrays) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (array.shape, array.dtype.str) for name, array in arrays.items()}
