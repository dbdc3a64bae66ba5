"""Saves the weights and the history of a run in one file, so that an interrupted run can go on."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import bp
from reports.io.files import replacing
from reports.training.experiments import Experiment


class CheckpointError(Exception):
    """The file cannot be read, or is of a run with other settings; the message is for the user."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of the file: the settings of the run, its history, and its weights by layer."""

    settings: dict[str, Any]
    history: bp.History
    arrays: dict[str, np.ndarray[Any, Any]]

    @property
    def finished(self) -> bool:
        """Whether the run has done all its epochs, or has stopped for good."""
        return self.history.epochs >= self.settings["n_epochs"] or self.history.stopped is not None

    def restore(self, net: bp.MLP) -> bp.History:
        """Give ``net`` the saved weights, and return the history to go on with."""
        for name, (W, b) in net.parameters().items():
            W[...], b[...] = self.arrays[f"{name}.W"], self.arrays[f"{name}.b"]
        return self.history


def save(path: Path, experiment: Experiment, net: bp.MLP, history: bp.History) -> None:
    """Save the run in its present state; an interruption leaves the earlier file as it was."""
    arrays: dict[str, Any] = {}
    for name, (W, b) in net.parameters().items():
        arrays |= {f"{name}.W": W, f"{name}.b": b}
    # Python's JSON keeps every bit of a float and can hold NaN; only `load` reads it.
    record = json.dumps({"settings": asdict(experiment), "history": history.as_dict()})
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, record=np.frombuffer(record.encode(), np.uint8), **arrays)


def load(path: Path) -> Checkpoint:
    """Read what `save` wrote.

    Raises
    ------
    CheckpointError
        The file does not exist, or was not written by `save`.
    """
    try:
        # The file is opened here, because np.load does not close a file that turns out not to be an archive.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            arrays = dict(content)
        record = json.loads(arrays.pop("record").tobytes())
        return Checkpoint(record["settings"], bp.History(**record["history"]), arrays)
    except FileNotFoundError as error:
        raise CheckpointError(f"expected an earlier run's weights in {path}, found no such file") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} does not hold an earlier run ({error}): give another --out") from error


def check_same_run(saved: Checkpoint, experiment: Experiment, path: Path) -> None:
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
