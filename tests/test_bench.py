"""Benchmarks: the frame measures what it says, and refuses comparisons of different things. Nothing here is timed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import bp
from reference.oracles import ball, torch_autograd
from reports import cli
from reports.bench import examiner, gradcheck, mistakes
from reports.bench.render import cell, rich_table
from reports.bench.tables import BenchError, Benchmark, Effort, Say, Table
from reports.bench.timing import Times, interleaved
from reports.commands import bench
from reports.exit_codes import OK, TOOL, USAGE
from tests.comparing import needs_torch

needs_flint = pytest.mark.skipif(ball.available() is not None, reason=str(ball.available()))
TINY = gradcheck.Plan(widths=(6, 5, 4, 3), n=3, rounds=2, nets=2, seeds=(6, 2, 2), slow=1, fast=1)


def silent(text: str) -> None:
    pass


def _two_tables(effort: Effort, say: Say) -> list[Table]:
    say(f"at {effort}")
    return [Table("One", [{"what": "this", "ms": 1.23456}, {"what": "that", "ms": None, "more": True}], "A note.")]


def _fail(effort: Effort, say: Say) -> list[Table]:
    raise BenchError("they disagree")


@pytest.fixture(autouse=True)
def small_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two benchmarks that take no time."""
    monkeypatch.setattr(bench, "BENCHMARKS", {"one": Benchmark("one", _two_tables), "bad": Benchmark("bad", _fail)})
    monkeypatch.chdir(tmp_path)


def test_tables_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Tables on the terminal; every number, and where it was measured, in the file."""
    assert cli.main(["bench", "--only", "one", "--effort", "quick", "--json", "b.json"]) == OK
    said = capsys.readouterr()
    assert "1.23" in said.out
    assert "A note." in said.out
    assert "at quick" in said.err
    record = json.loads(Path("b.json").read_text(encoding="utf-8"))
    assert (record["schema"], record["effort"]) == (1, "quick")
    assert record["environment"]["packages"]["numpy"] == np.__version__
    assert {pool["num_threads"] for pool in record["environment"]["blas"]} <= {1}
    (table,) = record["benchmarks"]["one"]["tables"]
    assert table["rows"][0] == {"what": "this", "ms": 1.23456}
    assert record["benchmarks"]["one"]["seconds"] >= 0


def test_json_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """With ``-`` nothing else is written there."""
    assert cli.main(["bench", "--only", "one", "--json", "-"]) == OK
    said = capsys.readouterr()
    assert json.loads(said.out)["benchmarks"]["one"]["tables"][0]["title"] == "One"
    assert "A note." in said.err


def test_unknown_benchmarks_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names what there is."""
    assert cli.main(["bench", "--only", "two"]) == USAGE
    assert "there is no benchmark 'two'; there are: one, bad" in capsys.readouterr().err


def test_a_folder_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Refused before any work."""
    assert cli.main(["bench", "--json", "."]) == USAGE
    assert "expected --json to be a file" in capsys.readouterr().err
    assert cli.main(["bench", "--json", "nowhere/b.json"]) == USAGE
    assert "there is no folder nowhere" in capsys.readouterr().err


def test_a_benchmark_that_cannot_be_made_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, no traceback, no file."""
    assert cli.main(["bench", "--json", "b.json"]) == TOOL
    assert "bp bench: they disagree" in capsys.readouterr().err
    assert not Path("b.json").exists()


def test_rounds_are_interleaved() -> None:
    """Everyone runs once a round, nobody always first, and the warm-up does not count."""
    now = [0.0]
    order: list[str] = []

    def contestant(name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            order.append(name)
            now[0] += seconds

        return run

    times = interleaved({"a": contestant("a", 1), "b": contestant("b", 2)}, 3, clock=lambda: now[0])
    assert "".join(order) == "abbaabba"
    assert times.seconds == {"a": [1, 1, 1], "b": [2, 2, 2]}


def test_ratios_are_taken_within_a_round() -> None:
    """A machine that is ten times slower for a while changes no ratio."""
    times = Times({"a": [1.0, 10.0, 1.0], "b": [2.0, 20.0, 2.0]})
    assert times.ratio("b", "a") == 2
    assert times.median("a") == 1


def test_cells() -> None:
    """Short, and no number is passed off as another."""
    assert [cell(value) for value in (None, True, False, 1.23456, 12, "x")] == ["-", "yes", "no", "1.23", "12", "x"]
    console = Console(width=80, record=True, file=None, quiet=True)
    console.print(rich_table(Table("T", [{"a": 1}, {"b": 0.5}])))


@needs_flint
@needs_torch
def test_checkers_agree_and_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a tiny net: all checkers are there, every wrong entry is found, its index named."""
    times, detection, torch_runs = gradcheck.measure(TINY, silent)
    assert [row["checker"] for row in times.rows] == [
        "ball arithmetic, every entry", "directions, oracle at hand", "directions, from scratch",
        "torch gradcheck, fast mode", "torch gradcheck, slow mode",
    ]  # fmt: skip
    assert [row["directions find"] for row in detection.rows] == [row["of"] for row in detection.rows] == [6, 2, 2]
    assert detection.rows[0]["gradcheck misses"] == 1
    assert {row["caught"] for row in torch_runs.rows} <= {0, 1}


@needs_flint
def test_without_torch_its_rows_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the table says why."""
    monkeypatch.setattr(torch_autograd, "available", lambda: "PyTorch is not installed")
    times, detection = gradcheck.measure(TINY, silent)
    assert len(times.rows) == 3
    assert "PyTorch is not installed" in times.note
    assert detection.rows


def test_without_flint_there_is_no_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is said."""
    monkeypatch.setattr(ball, "available", lambda: "python-flint is not installed")
    with pytest.raises(BenchError, match="python-flint is not installed"):
        gradcheck.measure(TINY, silent)


@needs_flint
@pytest.mark.parametrize("who", ["bp", "torch"])
def test_different_numbers_are_not_compared(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    """A gradient that is not that of the same loss ends the benchmark."""
    if who == "bp":
        monkeypatch.setattr(bp.LinearLayer, "grad", lambda self, X, delta: [X.T @ delta, delta.sum(axis=0)])
    else:
        monkeypatch.setattr(torch_autograd, "available", lambda: None)
        monkeypatch.setattr(torch_autograd, "mlp_gradient", lambda theta, X, T: [np.zeros(a.shape) for a in theta])
    with pytest.raises(BenchError, match="expected"):
        gradcheck.measure(TINY, silent)


@needs_torch
def test_gradcheck_is_asked_about_the_entry() -> None:
    """PyTorch's slow mode passes its own gradient, and sees one that is off by its tenth."""
    question = gradcheck.draw_question(TINY, 0)
    arguments = (question.theta, question.X, question.T)
    gradient = torch_autograd.mlp_gradient(*arguments)
    index = tuple(int(i) for i in np.unravel_index(np.abs(gradient[0]).argmax(), gradient[0].shape))
    assert torch_autograd.gradcheck_mlp(*arguments, fast=False)
    assert torch_autograd.gradcheck_mlp(*arguments, fast=True)
    assert not torch_autograd.gradcheck_mlp(*arguments, fast=False, wrong=(0, index, 1.1))


def test_the_examiner_is_timed_with_a_right_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ``bp`` does not pass there is no time to tell."""
    asked: list[Any] = []

    def check(implementation: Any, effort: str) -> list[Any]:
        asked.append(effort)
        return []

    monkeypatch.setattr(examiner.reference, "check", check)
    monkeypatch.setattr(examiner.reference, "passed", lambda findings: True)
    (table,) = examiner.run("normal", silent)
    assert [row["effort"] for row in table.rows] == ["quick", "normal"]
    assert asked == ["quick"] * 4 + ["normal"] * 3
    monkeypatch.setattr(examiner.reference, "passed", lambda findings: False)
    with pytest.raises(BenchError, match="expected bp to pass"):
        examiner.run("quick", silent)


@needs_flint
def test_mistakes_are_counted_by_class() -> None:
    """What is caught and named; and a table that would show a miss."""
    leaky = next(each for each in mistakes.CATALOGUE if each.name == "ReLULayer.forward_leaks")
    result = mistakes.examined(leaky)
    assert (result.caught, result.named, result.blamed) == (True, "leaky", ())
    missed = mistakes.Examined(leaky, caught=False, named=None, blamed=("MLP.gradient",), size=None)
    table = mistakes.summary([result, missed])
    assert [row["class"] for row in table.rows] == ["ReLULayer", "all"]
    assert [table.rows[-1][name] for name in ("mistakes", "caught", "rightly named", "others blamed")] == [2, 1, 1, 1]
    assert "Not caught: ReLULayer.forward_leaks" in table.note
