"""A run's weights and history in one file, so that it can go on where it was interrupted."""

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
    """The file cannot be read, or belongs to a run with other settings; the message is for the user."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: the settings of the run, its history, and its weights by layer."""

    settings: dict[str, Any]
    history: bp.History
    arrays: dict[str, np.ndarray[Any, Any]]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.history.epochs >= self.settings["n_epochs"] or self.history.stopped is not None

    def restore(self, net: bp.MLP) -> bp.History:
        """Give ``net`` the weights, and the history to go on with."""
        for name, (W, b) in net.parameters().items():
            W[...], b[...] = self.arrays[f"{name}.W"], self.arrays[f"{name}.b"]
        return self.history


def save(path: Path, experiment: Experiment, net: bp.MLP, history: bp.History) -> None:
    """Write the run as it stands, whole or not at all."""
    arrays: dict[str, Any] = {}
    for name, (W, b) in net.parameters().items():
        arrays |= {f"{name}.W": W, f"{name}.b": b}
    # Python's JSON keeps every bit of a float, NaN included, and nobody else reads this.
    record = json.dumps({"settings": asdict(experiment), "history": history.as_dict()})
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, record=np.frombuffer(record.encode(), np.uint8), **arrays)


def load(path: Path) -> Checkpoint:
    """Read what `save` wrote.

    Raises
    ------
    CheckpointError
        There is no such file, or it is not one of ours.
    """
    try:
        # Opened here, since np.load leaves a path open that turns out not to be an archive.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            arrays = dict(content)
        record = json.loads(arrays.pop("record").tobytes())
        return Checkpoint(record["settings"], bp.History(**record["history"]), arrays)
    except FileNotFoundError as error:
        raise CheckpointError(f"expected an earlier run's weights in {path}, found no such file") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} does not hold an earlier run ({error}); give another --out") from error


def check_same_run(saved: Checkpoint, experiment: Experiment, path: Path) -> None:
    """Raise a `CheckpointError` unless ``saved`` is the same run; only the number of epochs may differ."""
    # Through JSON, as the saved ones went: a tuple comes back as a list.
    wanted = json.loads(json.dumps(asdict(experiment)))
    differing = [name for name in wanted if name != "n_epochs" and saved.settings.get(name) != wanted[name]]
    if differing:
        said = ", ".join(f"{name} = {saved.settings.get(name)} there, {wanted[name]} here" for name in differing)
        raise CheckpointError(f"{path} is of a run with other settings ({said}); give those, or another --out")
    if saved.history.epochs > experiment.n_epochs:
        raise CheckpointError(
            f"{path} is of a run that is past epoch {experiment.n_epochs} already: "
            f"{saved.history.epochs} epochs are done; ask for more with --epochs"
        )
