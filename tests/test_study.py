"""The report: its parts are kept, done again or missing one by one, and the document shows what there is."""

from __future__ import annotations

import html
import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bp
from reports import cli
from reports.io.exit_codes import FAILED, OK
from reports.io.progress import Display
from reports.study import plan as plans
from reports.study.build import build
from reports.study.cache import Cache
from reports.study.digits import predictions
from reports.study.gather import Study, Title, gather
from reports.study.part import Part, PartResult, fingerprint
from reports.study.runs import history_of, net_of
from tests.study import SMALL, leave_figures_blank, noise_for_mnist, silent_display

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


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Study, Path]]:
    """A small study with its document, made once for all tests that look at it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        noise_for_mnist(monkeypatch)
        folder = tmp_path_factory.mktemp("study")
        parts = plans.parts(SMALL, None)
        made_study = gather(parts, Cache(folder / "cache"), silent_display(), title=Title("Ada Lovelace", "SML2022"))
        build(made_study, folder / "report")
        yield made_study, folder


def test_every_part_is_made(study: tuple[Study, Path]) -> None:
    """No part fails; runs have their networks and histories, the sweep all combinations."""
    made_study, _ = study
    assert made_study.failed == {}
    numbers = made_study.numbers()
    assert set(numbers["runs"]) == {
        "xor", "xor-long", "spirals-0.2", "spirals-1", "spirals-5", "mnist", "mnist-unstable"
    }  # fmt: skip
    assert len(numbers["instability"]["cells"]) == 24
    run = made_study.results["spirals-1"]
    assert history_of(run.record).epochs == 1000
    X, T, _, _ = bp.load_spirals()
    net = net_of(run)
    assert net.evaluate(X, T).mean() == pytest.approx(run.record["history"]["loss_train"][-1], rel=1e-12)
    snapshot = net_of(run, "100")
    assert snapshot.evaluate(X, T).mean() == pytest.approx(run.record["history"]["loss_train"][100], rel=1e-12)


def test_dead_units_are_those_that_are_off(study: tuple[Study, Path]) -> None:
    """There is a share of dead units for each epoch; with alpha = 5 all die, with alpha = 1 none."""
    made_study, _ = study
    five, one = (made_study.results[name].record for name in ("spirals-5", "spirals-1"))
    assert len(five["dead_share"]) == len(five["history"]["loss_train"])
    assert five["dead_share"][five["all_dead_epoch"]] == 1
    assert five["dead_share"][five["all_dead_epoch"] - 1] < 1
    assert (one["dead_share"][-1], one["all_dead_epoch"]) == (0, None)


def test_every_figure_is_drawn(study: tuple[Study, Path]) -> None:
    """Each figure has a file in the folder and, under the same name, a place in results.json."""
    _, folder = study
    names = {path.stem for path in (folder / "report" / "figures").glob("*.svg")}
    assert names == set(json.loads((folder / "report" / "results.json").read_text())["figures"])
    assert names == {
        "xor", "xor-regions", "spirals", "regions", "dead", "samples", "mnist", "amplitude", "confusion", "mistakes",
        "instability", "digits", "steps",
    }  # fmt: skip


def test_the_command_makes_the_same_bytes_again(
    study: tuple[Study, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a full cache `bp report` writes the same bytes again, names the documents, and ends with 0."""
    _, folder = study
    shutil.copytree(folder / "cache", tmp_path / "r" / ".cache")
    small_command(monkeypatch, tmp_path, lambda part: replace(part, make=_never))
    assert cli.main(["report", "--quick", "--out", "r", "--name", "Ada Lovelace", "--course", "SML2022"]) == OK
    assert [Path(line) for line in capsys.readouterr().out.split()] == [Path("r/report.html"), Path("r/report.pdf")]
    before, after = (contents(each) for each in (folder / "report", tmp_path / "r"))
    assert {"report.html", "report.pdf", "results.json", "figures/xor.svg"} <= set(before)
    assert set(before) == {name for name in after if not name.startswith(".cache")}
    assert [name for name in before if before[name] != after[name]] == []


def small_command(monkeypatch: pytest.MonkeyPatch, folder: Path, changed: Callable[[Part], Part]) -> None:
    """Let `bp report --quick` in that folder make a small study whose parts are changed by ``changed``."""
    monkeypatch.chdir(folder)
    noise_for_mnist(monkeypatch)
    from reports.commands import report as command  # noqa: PLC0415 - test_cli removes it from the loaded modules

    monkeypatch.setattr(command, "mnist_folder", lambda given, console: folder)
    monkeypatch.setattr(command, "QUICK", SMALL)
    monkeypatch.setattr(command, "parts", lambda *given: [changed(part) for part in plans.parts(*given)])


def contents(folder: Path) -> dict[str, bytes]:
    """The content of each file below the folder, by its relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _never(display: Display) -> PartResult:
    raise AssertionError("expected this to come from the cache")


#: Numbers that are no results: of the assignment, of IEEE 754, of the text's own reasoning; a year, ln 2, ln 3.
_CONSTANTS = {"2021", "0.6931", "1.098612", "0", "1", "2", "3", "5", "10", "25", "90", "2.0", "709.8", "88.72"}


#: Numbers of the derivations, which tests/test_derivations.py checks.
_DERIVED = {"1.25", "67", "530", "750", "709.78", "512", "1024"}


def test_every_number_of_the_text_is_a_result(study: tuple[Study, Path]) -> None:
    """Every number in the document is in results.json, rounded or in per cent, or a constant listed here."""
    _, folder = study
    known = _CONSTANTS | _DERIVED | set(_spellings(json.loads((folder / "report" / "results.json").read_text())))
    text = (folder / "report" / "report.html").read_text()
    assert [number for number in _numbers(text) if number not in known] == []
    # Nearly all numbers that were typed by hand would be noticed.
    typed = [f"{value:.2f}" for value in np.random.RandomState(0).uniform(20, 90, 50)]
    assert sum(number not in known for number in _numbers(f"<p>{' % and '.join(typed)}</p>")) > 45


def _numbers(page: str) -> list[str]:
    """The numbers in the running text, without those of figures, tables, sections and formulas."""
    text = re.sub(
        r"<style>.*?</style>|<math.*?</math>|<h[1-6].*?</h[1-6]>|<code>.*?</code>", " ", page, flags=re.DOTALL
    )
    text = html.unescape(re.sub(r"<[^>]+>", " ", text))
    text = re.sub(r"(Figure|Table)\s+\d+", " ", text)
    return re.findall(r"(?<![\w.])\d+(?:\.\d+)*(?![\w])", text)


def _spellings(value: Any, key: str = "") -> Iterator[str]:
    """Every way in which the document may write a number of results.json.

    Of a curve these are the first and the last number, and the one where the shorter MNIST run ended.
    """
    if key in {"loss_train", "acc_train", "loss_test", "acc_test"} and isinstance(value, list):
        value = [value[place] for place in (0, SMALL.unstable_epochs, len(value) - 1) if 0 <= place < len(value)]
    if isinstance(value, dict):
        for name, item in value.items():
            yield from re.findall(r"\d+(?:\.\d+)?", name)
            yield from _spellings(item, name)
    elif isinstance(value, list):
        yield str(len(value))
        for item in value if key not in _ONLY_DRAWN else ():
            yield from _spellings(item, key)
    elif isinstance(value, str):
        yield from re.findall(r"\d+(?:\.\d+)*", value)
    elif isinstance(value, int):
        yield str(value)
    elif isinstance(value, float):
        yield f"{value:g}"
        yield from (f"{value:.{places}f}" for places in (1, 2, 3, 4, 6))
        if 0 < value < 1:
            yield f"{math.log10(value):.1f}".lstrip("-")
        yield from (f"{100 * value:.{places}f}" for places in (0, 1, 2, 4))


#: Curves and tables that are shown in figures alone.
_ONLY_DRAWN = {
    "errors",
    "steps",
    "dead_share",
    "amplitude",
    "naive",
    "usual stable",
    "ours",
    "PyTorch",
    "Linear_1",
    "Linear_OUT",
    "confusion",
}


def test_a_gap_is_marked(study: tuple[Study, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a part has failed, the document says so and why, and its figures are left out; the rest is there."""
    leave_figures_blank(monkeypatch)
    made_study, _ = study
    without = {name: part for name, part in made_study.results.items() if name not in {"mnist", "spirals-5"}}
    build(
        replace(made_study, results=without, failed={"mnist": "MemoryError: 5 GB", "spirals-5": "bad luck"}), tmp_path
    )
    text = (tmp_path / "report.html").read_text()
    assert text.count("MemoryError: 5 GB") >= 2
    assert "bad luck" in text
    assert "XOR cannot be separated" in text
    names = {path.stem for path in (tmp_path / "figures").glob("*.svg")}
    assert {"xor", "instability", "digits"} <= names
    assert not {"mnist", "confusion", "spirals", "regions"} & names


def test_everything_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if all parts fail there is a document, which says so."""
    noise_for_mnist(monkeypatch)
    failed = {part.name: "nothing works" for part in plans.parts(SMALL, None)}
    documents = build(Study({}, failed), tmp_path)
    assert all(path.stat().st_size > 1000 for path in documents)
    assert "nothing works" in (tmp_path / "report.html").read_text()


def test_title_page_and_formulas(study: tuple[Study, Path]) -> None:
    """The name and the course are on the page, formulas are MathML, and every figure has a description."""
    _, folder = study
    page = (folder / "report" / "report.html").read_text()
    assert "Ada Lovelace · SML2022" in page
    assert "<math" in page
    assert page.count("<img") == page.count("alt=") > 10
    assert "prefers" in page or "color-scheme: light dark" in page
    assert (folder / "report" / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_command_tells_which_part_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command names each failed part with its reason, writes the document, and ends with 1."""

    def broken(display: Display) -> PartResult:
        raise MemoryError("5 GB")

    small_command(monkeypatch, tmp_path, lambda part: part if part.name == "xor" else replace(part, make=broken))
    assert cli.main(["report", "--quick", "--out", "r"]) == FAILED
    said = capsys.readouterr()
    assert "bp report: mnist failed and is missing in the report: MemoryError: 5 GB" in said.err
    assert "bp report: xor failed" not in said.err
    assert {Path(line) for line in said.out.split()} == {Path("r/report.html"), Path("r/report.pdf")}
    assert (tmp_path / "r" / "report.pdf").exists()
