"""A submission in the report: its gradients are used for our steps and curves, and it can spoil nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bp
from reference.execution.sandbox import Limits, Sandbox
from reference.lab.mistakes import CATALOGUE
from reports import cli
from reports.io.exit_codes import FAILED, OK, USAGE
from reports.study import plan as plans
from reports.study import submission_runs
from reports.study.build import build
from reports.study.cache import Cache
from reports.study.gather import gather
from reports.study.submission_runs import Submission, distance
from reports.training.experiments import EXPERIMENTS, build_net, load_data
from tests.handed_in import hand_in
from tests.study import SMALL, leave_figures_blank, noise_for_mnist, silent_display

pytestmark = pytest.mark.outside

OURS = Path(bp.__file__).parent
XOR = replace(EXPERIMENTS["xor"], n_epochs=12)
RIGHT = next(each for each in CATALOGUE if each.subject == "ReLULayer.delta" and each.word == "mask-missing")


def run(path: Path, experiment: Any = XOR, seconds: float = 30.0) -> bp.History:
    with Sandbox(path.resolve(), Limits(seconds=seconds), "process") as box:
        return submission_runs.train(box, experiment, load_data(experiment))


def ours(experiment: Any) -> bp.History:
    X, T, X_test, T_test = load_data(experiment)
    return bp.train(
        build_net(experiment), X, T, experiment.batch_size, experiment.n_epochs, experiment.alpha, X_test, T_test
    )


@pytest.mark.parametrize(
    "experiment", [XOR, replace(EXPERIMENTS["spirals"], n_epochs=5), replace(XOR, batch_size=3, stable=True)]
)
def test_a_right_implementation_has_our_curves(experiment: Any) -> None:
    """A right implementation has our losses, accuracies and amplitudes, except for rounding."""
    found, expected = run(OURS, experiment), ours(experiment)
    assert found.stopped is None
    assert found.acc_train == expected.acc_train
    assert found.acc_test == expected.acc_test
    np.testing.assert_allclose(found.loss_train, expected.loss_train, rtol=1e-13)
    for layer, values in expected.amplitude.items():
        np.testing.assert_allclose(found.amplitude[layer], values, rtol=1e-13)


def test_a_wrong_gradient_goes_elsewhere(tmp_path: Path) -> None:
    """With a wrong gradient the curve leaves ours, from the same start."""
    found, expected = run(hand_in(RIGHT, tmp_path)), ours(XOR)
    assert found.stopped is None
    assert found.loss_train[0] == pytest.approx(expected.loss_train[0], rel=1e-14)
    assert abs(found.loss_train[-1] - expected.loss_train[-1]) > 1e-3


def spoiled(folder: Path, method: str, body: str) -> Path:
    """Right classes, except for one method of MLP, whose source can use the number n of the call."""
    path = hand_in(next(each for each in CATALOGUE if each.subject == "MLP.gradient"), folder)
    source = path.read_text(encoding="utf-8")
    path.write_text(f"{source}\n\ncalls = []\n\ndef {method}(self, X, T):\n    calls.append(1)\n{body}\n\n\n"
                    f"MLP.{method} = {method}\n", encoding="utf-8")  # fmt: skip
    return path


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    raise ValueError('tired')", "in epoch 1, batch 1: MLP.gradient: ValueError: tired"),
        ("    return None", "in epoch 1, batch 1: expected MLP.gradient to give a dict, got NoneType"),
        ("    return {}", r"in epoch 1, batch 1: expected \[dW, db\] of shapes \[\(2, 4\), \(4,\)\] for Linear_1"),
        ("    import numpy\n    return {'Linear_1': [numpy.zeros((4, 2)), numpy.zeros(4)]}", "got something else"),
        ("    import os\n    os._exit(7)", r"MLP.gradient: ended the process \(exit code 7\)"),
        ("    while True:\n        pass", "MLP.gradient: .* 3 s of processor time that --timeout allows"),
    ],
)
def test_whatever_it_does_ends_the_run_with_its_reason(tmp_path: Path, body: str, said: str) -> None:
    """A failure of the submission ends the run with a sentence and the curves so far, and raises no exception."""
    history = run(spoiled(tmp_path, "gradient", body), seconds=3.0)
    assert history.stopped is not None
    assert re.search(said, history.stopped)
    assert len(history.loss_train) == 1


def test_not_a_number_is_told(tmp_path: Path) -> None:
    """A gradient that is not finite ends the run in its batch."""
    body = "    import numpy\n    return {name: [numpy.full(s, numpy.nan), numpy.zeros(s[1])] for name, s in"
    body += " {'Linear_1': (2, 4), 'Linear_OUT': (4, 2)}.items()}"
    history = run(spoiled(tmp_path, "gradient", body))
    assert history.stopped == "in epoch 1, batch 1: the parameters are not finite any more"


def test_it_cannot_lie_about_its_loss(tmp_path: Path) -> None:
    """The curves are computed by us from its parameters."""
    lying = spoiled(tmp_path, "evaluate", "    return 0 * X[:, :1]")
    (tmp_path / "honest").mkdir()
    honest = hand_in(next(each for each in CATALOGUE if each.subject == "MLP.gradient"), tmp_path / "honest")
    assert run(lying).loss_train == run(honest).loss_train


def test_a_missing_class_is_told(tmp_path: Path) -> None:
    """A missing class is reported as in `bp check`."""
    path = tmp_path / "half.py"
    path.write_text("class ReLULayer:\n    pass\n", encoding="utf-8")
    history = run(path)
    assert history.stopped is not None
    assert "there is no class LinearLayer" in history.stopped


def test_how_far_curves_are_apart() -> None:
    """The distance is the largest difference relative to our loss, over the epochs that both have."""
    one = {"history": {"loss_train": [2.0, 1.0, 0.5, 0.25]}}
    assert distance(one, {"history": {"loss_train": [2.0, 1.1, 0.5]}}) == {
        "largest": pytest.approx(0.1), "epoch": 1, "epochs": 2
    }  # fmt: skip
    assert distance(one, {"history": {"loss_train": [2.0, float("nan")]}})["largest"] == float("inf")


def test_files_that_change_are_run_again(tmp_path: Path) -> None:
    """The fingerprint depends on the files, and not on where they lie."""
    path = hand_in(RIGHT, tmp_path)
    before = Submission(path, Limits()).fingerprint
    assert Submission(path, Limits()).fingerprint == before
    path.write_text(path.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert Submission(path, Limits()).fingerprint != before
    assert Submission(OURS, Limits()).fingerprint != before


def test_its_curves_are_in_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document compares its runs with ours, shows the differences, and states the isolation."""
    noise_for_mnist(monkeypatch)
    leave_figures_blank(monkeypatch)
    monkeypatch.setitem(EXPERIMENTS, "xor", XOR)
    parts = plans.parts(SMALL, None, Submission(OURS, Limits(), "process"))
    names = [
        part.name.removeprefix(submission_runs.PREFIX) for part in parts if part.name.startswith(submission_runs.PREFIX)
    ]
    assert names == ["xor", "spirals-0.2", "spirals-1", "spirals-5", "mnist"]
    wanted = [part for part in parts if part.name.removeprefix(submission_runs.PREFIX) in {"xor", "mnist"}]
    study = gather(wanted, Cache(tmp_path / "cache"), silent_display())
    assert study.failed == {}
    left_out = {part.name: "left out" for part in parts if part not in wanted}
    page, _ = build(replace(study, failed=left_out), tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "Another implementation beside this one" in text
    assert "none to nine digits" in text
    assert "a process of its own" in text
    numbers = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["submission"]
    assert set(numbers) == {"xor", "mnist"}
    assert all(each["apart"]["largest"] < 1e-9 for each in numbers.values())
    assert numbers["mnist"]["final"]["epochs"] == SMALL.their_epochs


@pytest.mark.parametrize(("change", "code"), [(lambda path: None, OK), (lambda path: path.unlink(), USAGE)])
def test_the_option(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Path], None],
    code: int,
) -> None:
    """A path that does not exist is refused before any work; a run that stops makes the exit code 1."""
    from reports.commands import report as command  # noqa: PLC0415 - test_cli removes it from the loaded modules

    path = hand_in(RIGHT, tmp_path)
    change(path)
    monkeypatch.setattr(command, "mnist_folder", lambda folder, console: tmp_path)
    monkeypatch.setattr(command, "parts", lambda plan, folder, submission: [] if submission else pytest.fail("none"))
    made: dict[str, Any] = {}
    monkeypatch.setattr(command, "build", lambda study, out: made.update(study=study) or [])
    assert cli.main(["report", "--out", str(tmp_path / "r"), "--implementation", str(path)]) == code
    if code == USAGE:
        assert "--implementation: there is no file or folder" in capsys.readouterr().err


def test_a_run_that_stops_is_exit_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that stops gives exit code 1, and standard error has the experiment and the reason."""
    from reports.commands import report as command  # noqa: PLC0415 - test_cli removes it from the loaded modules

    path = spoiled(tmp_path, "gradient", "    raise ValueError('tired')")
    monkeypatch.setattr(command, "mnist_folder", lambda folder, console: tmp_path)
    monkeypatch.setattr(
        command,
        "parts",
        lambda plan, folder, submission: [submission_runs.part("theirs-xor", XOR, load_data, submission)],
    )
    monkeypatch.setattr(command, "build", lambda study, out: [])
    assert cli.main(["report", "--out", str(tmp_path / "r"), "--implementation", str(path)]) == FAILED
    assert "xor: stopped in epoch 1, batch 1: MLP.gradient: ValueError: tired" in capsys.readouterr().err
