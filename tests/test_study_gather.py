"""The parts of the report are kept, done again or missing one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.io.progress import Display
from reports.study.cache import Cache
from reports.study.digits import predictions
from reports.study.gather import gather
from reports.study.part import Part, PartResult, fingerprint
from tests.study import silent_display

pytestmark = pytest.mark.outside


def counted(name: str, calls: list[str], settings: Any = None) -> Part:
    def make(display: Display) -> PartResult:
        calls.append(name)
        return PartResult({"name": name, "not finite": float("nan")}, {"array": np.arange(3.0)})

    return Part(name, settings or {"n": 1}, make)


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
