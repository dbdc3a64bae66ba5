"""The parts of the report are kept, done again or missing one by one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.io.archive import read_archive
from reports.io.exit_codes import INTERRUPTED
from reports.io.progress import Display
from reports.study import draw, sketches
from reports.study import gather as gather_module
from reports.study.cache import Cache
from reports.study.digits import predictions
from reports.study.gather import gather
from reports.study.part import Part, PartResult, fingerprint
from tests import parallel_work
from tests.parallel_work import Leave, die, fail, tell_process
from tests.study import silent_display

pytestmark = pytest.mark.outside

ROOT = Path(__file__).resolve().parent.parent


def counted(name: str, calls: list[str], settings: Any = None) -> Part:
    def make(display: Display) -> PartResult:
        calls.append(name)
        return PartResult({"name": name, "not finite": float("nan")}, {"array": np.arange(3.0)})

    return Part(name, settings or {"n": 1}, make)


def beside(name: str, make: Callable[[Display], PartResult]) -> Part:
    return Part(name, {}, make, place="beside")


def test_what_was_made_is_kept_to_the_bit(tmp_path: Path) -> None:
    """The result of a part comes back from the cache bit by bit, NaN included, and no part is done twice."""
    calls: list[str] = []
    parts = [counted("a", calls), counted("b", calls)]
    first = gather(parts, Cache(tmp_path), silent_display())
    again = gather(parts, Cache(tmp_path), silent_display())
    assert calls == ["a", "b"]
    assert again.results["b"].record["name"] == "b"
    assert np.isnan(again.results["b"].record["not finite"])
    assert np.array_equal(first.results["a"].arrays["array"], again.results["a"].arrays["array"])


def test_only_what_changed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is done again if its settings or its code have changed, or its file is damaged."""
    calls: list[str] = []
    gather([counted("a", calls), counted("b", calls)], Cache(tmp_path), silent_display())
    gather([counted("a", calls, {"n": 2}), counted("b", calls)], Cache(tmp_path), silent_display())
    assert calls == ["a", "b", "a"]
    (kept,) = tmp_path.glob("b@*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    gather([counted("b", calls)], Cache(tmp_path), silent_display())
    assert calls == ["a", "b", "a", "b"]
    before = counted("b", calls).key
    monkeypatch.setattr("reports.study.part.fingerprint", lambda name: "other code")
    assert counted("b", calls).key != before


def test_the_code_of_a_package_is_all_its_modules() -> None:
    """The fingerprint of a package differs from that of a module; a module that does not exist has none."""
    assert fingerprint("bp") != fingerprint("bp.layers") != fingerprint("bp.losses")
    with pytest.raises(ModuleNotFoundError):
        fingerprint("reports.no_such_module")


def test_few_files_of_a_part_are_kept(tmp_path: Path) -> None:
    """The oldest results of a part are deleted; those of other parts stay."""
    calls: list[str] = []
    for n in range(7):
        gather([counted("a", calls, {"n": n}), counted("a-b", calls)], Cache(tmp_path), silent_display())
    assert len(list(tmp_path.glob("a@*.npz"))) == 4
    assert len(list(tmp_path.glob("a-b@*.npz"))) == 1
    gather([counted("a", calls, {"n": 6})], Cache(tmp_path), silent_display())
    assert calls.count("a") == 7


def test_an_interrupted_study_goes_on(tmp_path: Path) -> None:
    """The parts that were done before Ctrl-C are not done again."""
    calls: list[str] = []

    def interrupt(display: Display) -> PartResult:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gather([counted("a", calls), Part("b", {}, interrupt)], Cache(tmp_path), silent_display())
    gather([counted("a", calls), counted("b", calls)], Cache(tmp_path), silent_display())
    assert calls == ["a", "b"]


def test_a_part_that_fails_leaves_the_others(tmp_path: Path) -> None:
    """A part that fails keeps its reason and is tried again next time; the other parts are done."""
    calls: list[str] = []

    def fail(display: Display) -> PartResult:
        calls.append("b")
        raise ValueError("no luck")

    for _ in range(2):
        study = gather([Part("b", {}, fail), counted("c", calls)], Cache(tmp_path), silent_display())
        assert study.failed == {"b": "ValueError: no luck"}
        assert list(study.results) == ["c"]
    assert calls == ["b", "c", "b"]


def test_parts_are_made_in_another_process_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two cores another process makes the parts for which this is legal; they keep their place in the order."""
    monkeypatch.setattr(gather_module, "cores", lambda: 2)
    parts = [beside("a", tell_process), beside("b", fail), counted("c", []), beside("d", tell_process)]
    study = gather(parts, Cache(tmp_path), silent_display())
    assert list(study.results) == ["a", "c", "d"]
    (other,) = {study.results[name].record["process"] for name in ("a", "d")}
    assert other != os.getpid()
    assert study.failed == {"b": "ValueError: of no use"}
    monkeypatch.setattr(gather_module, "cores", lambda: 1)
    assert gather(parts, Cache(tmp_path), silent_display()).results["d"].record["process"] == other
    alone = gather(parts, Cache(tmp_path / "new"), silent_display())
    assert alone.results["d"].record["process"] == os.getpid()


def test_a_process_that_dies_leaves_the_parts_of_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the other process dies, each of the parts that it had not made yet has a reason why it failed."""
    monkeypatch.setattr(gather_module, "cores", lambda: 2)
    parts = [beside("a", tell_process), beside("b", die), beside("c", tell_process), counted("d", [])]
    study = gather(parts, Cache(tmp_path), silent_display())
    assert list(study.results) == ["a", "d"]
    assert list(study.failed) == ["b", "c"]
    assert all("ended (exit code 7)" in reason for reason in study.failed.values())


def test_nothing_else_runs_while_times_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that must be alone is made after all others, in whatever process these are made."""
    monkeypatch.setattr(gather_module, "cores", lambda: 2)
    calls: list[str] = []
    left = tmp_path / "left"

    def measure(display: Display) -> PartResult:
        return PartResult({"others": [*calls, *(["beside"] if left.exists() else [])]})

    parts = [Part("times", {}, measure, place="alone"), beside("beside", Leave(left)), counted("a", calls)]
    assert gather(parts, Cache(tmp_path), silent_display()).results["times"].record["others"] == ["a", "beside"]


def test_a_full_disk_is_not_hidden(tmp_path: Path) -> None:
    """If a result cannot be kept, the study ends with the error of the operating system."""
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(OSError, match="file"):
        gather([counted("a", [])], Cache(blocked / "cache"), silent_display())


def test_predictions_are_counted() -> None:
    """A row of the confusion matrix is a true class, the surest mistakes come first, and a class may be absent."""
    P = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.6, 0.4, 0], [0.3, 0.7, 0], [0.05, 0.95, 0]])
    found, worst = predictions(P, np.array([0, 1, 1, 0, 0]))
    assert found["confusion"] == [[1, 2, 0], [1, 1, 0], [0, 0, 0]]
    assert (found["wrong"], found["tested"]) == (3, 5)
    assert worst.tolist() == [4, 3, 2]
    assert found["surest_mistakes"][0] == {"label": 0, "predicted": 1, "probability": 0.95}
    assert found["most_confused"] == {"label": 0, "taken_for": 1, "times": 2}


def test_figures_are_drawn_in_the_other_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two cores the other process draws each figure whose parts are there, as this process would draw it."""
    monkeypatch.setattr(gather_module, "cores", lambda: 2)

    def run(name: str) -> Part:
        return Part(name, {}, lambda display: PartResult({"dead_share": [0.0, 0.5, 1.0]}))

    parts = [beside("a", tell_process), *(run(f"spirals-{alpha}") for alpha in ("0.2", "1", "5"))]
    planned = [*(part.name for part in parts), "mnist"]
    monkeypatch.setattr(sketches, "NEEDS", {name: sketches.NEEDS[name] for name in ("dead", "mnist")})
    study = gather([*parts, Part("mnist", {}, fail)], Cache(tmp_path), silent_display())
    assert planned == [*study.results, *study.failed]
    assert study.drawn == draw.svgs(study, ["dead"])


def test_what_measures_times_is_sent_with_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that must be alone is made by the other process, or by this one if there is no other."""
    monkeypatch.setattr(gather_module, "cores", lambda: 2)
    times = Part("times", {}, tell_process, place="alone", portable=lambda: tell_process)
    together = gather([times, beside("a", tell_process), counted("b", [])], Cache(tmp_path / "two"), silent_display())
    assert together.results["times"].record["process"] == together.results["a"].record["process"] != os.getpid()
    alone = gather([times, counted("b", [])], Cache(tmp_path / "one"), silent_display())
    assert alone.results["times"].record["process"] == os.getpid()


def test_a_study_that_is_ended_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a study is ended, the other process ends too, every result that was kept is whole, and it can go on."""
    monkeypatch.setattr(gather_module, "cores", lambda: 2)
    places = ["here"] * 40 + ["beside"] * 40
    told = []
    for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, INTERRUPTED)):
        script = f"from tests.parallel_work import study; study({str(tmp_path)!r}, {places})"
        with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told.append(process.stdout.readline().strip())
            time.sleep(0.1)
            process.send_signal(number)
            # The other process has it open as well, so that this is the end of both.
            told += process.stdout.read().split()
        assert process.returncode == code
    kept = {path.name.partition("@")[0]: read_archive(path) for path in (tmp_path / "cache").glob("*.npz")}
    assert set(told) <= set(kept)
    assert len(kept) < len(places)
    study = parallel_work.study(str(tmp_path), places)
    assert list(study.results) == [f"{place}-{n}" for n, place in enumerate(places)]
    assert not list((tmp_path / "cache").glob(".*"))
