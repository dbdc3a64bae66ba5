"""The command line: what it writes, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import bp
from reports import cli
from reports.commands import train as train_command
from reports.io.exit_codes import FAILED, INTERRUPTED, OK, TOOL, USAGE
from reports.study.bench.registry import BENCHMARKS, runner
from reports.training import data
from tests.submissions import exit_code

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def no_mnist(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command runs in an empty folder, and no MNIST can be found."""
    monkeypatch.setenv("BP_MNIST", str(elsewhere / "nowhere"))


def usage_error(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The message of a command that exits with 2."""
    assert exit_code(*argv) == USAGE
    return capsys.readouterr().err


def history_of(path: Path) -> dict[str, list[float]]:
    history: dict[str, list[float]] = json.loads(path.read_text(encoding="utf-8"))["history"]
    return history


def test_judging_takes_one_thread_of_linear_algebra(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bp check` asks numpy's libraries for one thread, if its user has not asked for another number."""
    monkeypatch.setattr(os, "environ", {"MKL_NUM_THREADS": "3"})
    monkeypatch.setattr(sys, "argv", ["bp", "check", "--list"])
    assert cli.main() == OK
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert os.environ["MKL_NUM_THREADS"] == "3"


def test_train_writes_history_and_weights(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`bp train xor` runs the lab's 100 epochs and says where it put the result."""
    assert cli.main(["train", "xor"]) == OK
    assert {path.name for path in elsewhere.iterdir()} == {"history-xor.json", "history-xor.weights.npz"}
    record = json.loads((elsewhere / "history-xor.json").read_text(encoding="utf-8"))
    assert record["epochs_done"] == 100
    assert record["experiment"]["alpha"] == 0.1
    assert len(record["history"]["loss_train"]) == 101
    said = capsys.readouterr().out
    assert "xor: 100 of 100 epochs" in said
    assert "history-xor.json" in said


def test_train_is_what_the_library_does(elsewhere: Path) -> None:
    """The history in the file is, to the last bit, what the lab's settings give in Python."""
    cli.main(["train", "spirals", "--epochs", "20", "--alpha", "0.2", "--out", "s.json"])
    rng = np.random.RandomState(1234)
    layers = [bp.LinearLayer(2, 10, rng, "a"), bp.ReLULayer("b"), bp.LinearLayer(10, 3, rng, "c")]
    net = bp.MLP(2, [*layers, bp.NaiveSoftmaxLayer("d")], bp.LossCrossEntropy("CE"))
    X_train, T_train, X_test, T_test = bp.load_spirals()
    expected = bp.train(net, X_train, T_train, 300, 20, 0.2, X_test, T_test)
    found = history_of(elsewhere / "s.json")
    assert found["loss_train"] == expected.loss_train
    assert found["acc_test"] == expected.acc_test


def test_options_reach_the_run(elsewhere: Path) -> None:
    """Each option changes the setting of its name."""
    argv = "train spirals --epochs 3 --alpha 0.5 --batch-size 50 --dtype float32 --seed 7 --input-scale 2 --out o.json"
    assert cli.main(argv.split()) == OK
    settings = json.loads((elsewhere / "o.json").read_text(encoding="utf-8"))["experiment"]
    expected = {"n_epochs": 3, "alpha": 0.5, "batch_size": 50, "dtype": "float32", "seed": 7, "input_scale": 2.0}
    assert {name: settings[name] for name in expected} == expected


def test_resume_extends_a_shorter_run(elsewhere: Path) -> None:
    """--resume with more epochs gives the file that one long run gives."""
    cli.main(["train", "spirals", "--epochs", "12", "--out", "whole.json"])
    cli.main(["train", "spirals", "--epochs", "5", "--out", "parts.json"])
    assert cli.main(["train", "spirals", "--epochs", "12", "--out", "parts.json", "--resume"]) == OK
    assert (elsewhere / "parts.json").read_bytes() == (elsewhere / "whole.json").read_bytes()


def test_resume_of_other_settings_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A run does not go on with a different learning rate."""
    cli.main(["train", "xor", "--epochs", "3"])
    assert "alpha = 0.1 there, 0.3 here" in usage_error(capsys, "train", "xor", "--alpha", "0.3", "--resume")


def test_resume_without_a_run_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """--resume is refused if there is no earlier run."""
    assert "history-xor.weights.npz, found no such file" in usage_error(capsys, "train", "xor", "--resume")


def test_unfinished_run_is_not_lost_by_accident(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If an unfinished run would be lost, starting again takes --overwrite."""
    original = train_command.run_experiment

    def interrupted_run(experiment, data, net, history, on_epoch):  # type: ignore[no-untyped-def]
        return original(experiment, data, net, history, lambda h: on_epoch(h) or h.epochs == 4)

    monkeypatch.setattr(train_command, "run_experiment", interrupted_run)
    assert cli.main(["train", "xor"]) == INTERRUPTED
    assert "--resume goes on" in capsys.readouterr().out
    monkeypatch.undo()
    monkeypatch.chdir(elsewhere)
    before = (elsewhere / "history-xor.weights.npz").read_bytes()
    assert "unfinished run (4 of 100 epochs)" in usage_error(capsys, "train", "xor")
    assert (elsewhere / "history-xor.weights.npz").read_bytes() == before
    assert cli.main(["train", "xor", "--overwrite"]) == OK


def test_divergence_fails_and_says_where(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A loss that is not finite gives exit code 1 with epoch, batch and layer, and the history is kept."""
    argv = ["train", "spirals", "--batch-size", "100", "--alpha", "800", "--out", "d.json"]
    with np.errstate(all="ignore"):
        assert cli.main(argv) == FAILED
    assert "training stopped in epoch 1, batch 2 of 3: the output of Softmax_OUT" in capsys.readouterr().out
    history = history_of(elsewhere / "d.json")
    assert len(history["loss_train"]) == 1
    assert history["stopped_at"] == {"epoch": 1, "batch": 2, "what": "the output of Softmax_OUT"}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["train", "mnits"], "invalid choice: 'mnits'"),
        (["train", "xor", "--alpha", "x"], "expected a finite number above 0, got 'x'"),
        (["train", "xor", "--alpha", "0"], "expected a finite number above 0, got '0'"),
        (["train", "xor", "--alpha", "nan"], "expected a finite number above 0, got 'nan'"),
        (["train", "xor", "--epochs", "0"], "expected an integer of at least 1, got '0'"),
        (["train", "xor", "--epochs", "two"], "expected an integer of at least 1, got 'two'"),
        (["train", "xor", "--seed", "-1"], "expected an integer from 0"),
        (["train", "xor", "--batch-size", "5"], "expected --batch-size from 1 to 4, got 5"),
        (["train", "xor", "--resume", "--overwrite"], "not allowed with"),
        (["train", "mnist"], "given by BP_MNIST"),
        (["report", "--quick"], "given by BP_MNIST"),
        (["data", "fetch", "--from", "nowhere"], "there is no such folder"),
        (["data", "verify", "--from", "nowhere"], "there is no such folder: nowhere"),
        (["data", "verify", "--from", ""], "expected a path, got ''"),
        (["train", "xor", "--out", ""], "expected a path, got ''"),
        (["report", "--implementation", " "], "expected a path, got ' '"),
        ([], "COMMAND"),
    ],
)
def test_wrong_usage_is_exit_2_and_explained(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    """Wrong usage is refused with a sentence, and nothing is written."""
    assert said in usage_error(capsys, *argv)
    assert [path for path in elsewhere.rglob("*") if path.is_file()] == []


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints the name and the version."""
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == OK
    assert capsys.readouterr().out.startswith("bp ")


def test_help_explains_what_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    """The help says what assignment 2 means, and names all benchmarks."""
    for command, said in {"check": ["2 asks for the same as 3"], "bench": list(BENCHMARKS)}.items():
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        told = " ".join(capsys.readouterr().out.split()).replace("- ", "-")  # argparse breaks lines at hyphens
        assert [each for each in said if each not in told] == []


def test_every_benchmark_can_be_loaded() -> None:
    """The name of each benchmark leads to a function that runs it."""
    assert [name for name in BENCHMARKS if not callable(runner(name))] == []


def test_help_loads_no_library() -> None:
    """The command line knows its options and the names of all benchmarks before it imports numpy or a benchmark."""
    script = (
        "import sys; from reports import cli; cli._parser(); "
        "print([name for name in sys.modules if name.split('.')[0] in {'bp', 'reference', 'numpy', 'rich'}])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


def test_out_that_is_a_file_is_no_folder(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`bp report --out FILE` is refused before any work."""
    (elsewhere / "file").touch()
    assert "expected --out to be a folder" in usage_error(capsys, "report", "--out", "file")


def test_missing_extra_is_exit_3_and_named() -> None:
    """Without matplotlib `bp report` says what to install."""
    # In a process of its own, because a second import here would make second copies of the modules.
    script = "import sys; sys.modules['matplotlib'] = None; from reports import cli; sys.exit(cli.main(['report']))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == TOOL
    assert "matplotlib" in done.stderr
    assert "pip install '.[report]'" in done.stderr


def test_data_fetch_without_any_source_is_exit_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, elsewhere: Path
) -> None:
    """If no source has MNIST, the command says what was tried and exits with 3."""
    monkeypatch.delenv("BP_MNIST")
    monkeypatch.setattr(data, "mnist_cache_folder", lambda: elsewhere / "cache")
    monkeypatch.setattr(data.known, "default_sources", tuple)
    assert cli.main(["data", "fetch"]) == TOOL
    assert "no source gave train-images-idx3-ubyte" in capsys.readouterr().err


def test_data_verify_tells_each_file(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`bp data verify` prints a line for each file, and exits with 1 if one is missing."""
    assert cli.main(["data", "verify", "--from", str(elsewhere)]) == FAILED
    assert capsys.readouterr().out.count("missing") == 4


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT as a terminal does")
def test_ctrl_c_saves_and_resume_goes_on(elsewhere: Path) -> None:
    """A run that a signal interrupts and --resume continues gives the same file as an undisturbed run."""
    argv = ["train", "spirals", "--epochs", "4000"]
    command = [sys.executable, "-m", "reports", *argv]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:  # wait until it trains
            if "epoch 400/" in line:
                process.send_signal(signal.SIGINT)
                break
        said = process.stderr.read()
    assert process.returncode == INTERRUPTED, said
    assert "interrupted" in said
    done = json.loads((elsewhere / "history-spirals.json").read_text(encoding="utf-8"))["epochs_done"]
    assert 400 <= done < 4000
    assert cli.main([*argv, "--resume"]) == OK
    assert cli.main([*argv, "--out", "whole.json"]) == OK
    assert (elsewhere / "history-spirals.json").read_bytes() == (elsewhere / "whole.json").read_bytes()


def test_long_runs_save_on_the_way(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed loses no more than the seconds since it was saved last."""
    monkeypatch.setattr(time, "monotonic", iter(range(0, 10_000, 1)).__next__)  # a second passes at every look
    seen: list[int] = []
    save = train_command.checkpoint.save

    def remember(path, experiment, net, history, data):  # type: ignore[no-untyped-def]
        seen.append(history.epochs)
        save(path, experiment, net, history, data)

    monkeypatch.setattr(train_command.checkpoint, "save", remember)
    cli.main(["train", "xor", "--epochs", "20"])
    assert seen[-1] == 20
    assert len(seen) >= 7
