"""The benchmarks measure what they say, and refuse to compare different things. Nothing here is timed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import bp
from bp.fast import heads
from reference import check_vjp
from reference.lab.checks import deep
from reference.numerics.oracles import ball, torch_autograd
from reports import cli
from reports.commands import bench
from reports.io.exit_codes import OK, TOOL, USAGE
from reports.study.bench import calls, checkers, examiner, footprint, gradcheck, growth, mistakes, products, training
from reports.study.bench.render import cell, rich_table
from reports.study.bench.tables import BenchError, Effort, Say, Table
from reports.study.bench.timing import Times, interleaved
from reports.training.experiments import EXPERIMENTS
from tests.comparing import needs_flint, needs_torch

pytestmark = pytest.mark.outside

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
    """Replace the benchmarks by two that take no time."""
    runs = {"one": _two_tables, "bad": _fail}
    monkeypatch.setattr(bench, "BENCHMARKS", runs)
    monkeypatch.setattr(bench, "runner", runs.__getitem__)
    monkeypatch.chdir(tmp_path)


def test_tables_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The tables are on the terminal; the file has every number and the description of the machine."""
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
    """With ``-`` the JSON alone goes to standard output."""
    assert cli.main(["bench", "--only", "one", "--json", "-"]) == OK
    said = capsys.readouterr()
    assert json.loads(said.out)["benchmarks"]["one"]["tables"][0]["title"] == "One"
    assert "A note." in said.err


def test_unknown_benchmarks_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the benchmarks that there are."""
    assert cli.main(["bench", "--only", "two"]) == USAGE
    assert "there is no benchmark 'two'; there are: one, bad" in capsys.readouterr().err


def test_a_folder_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A path that cannot be written is refused before any work."""
    assert cli.main(["bench", "--json", "."]) == USAGE
    assert "expected --json to be a file" in capsys.readouterr().err
    assert cli.main(["bench", "--json", "nowhere/b.json"]) == USAGE
    assert "there is no folder nowhere" in capsys.readouterr().err


def test_a_benchmark_that_cannot_be_made_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    """A benchmark that cannot run gives one sentence, no traceback and no file."""
    assert cli.main(["bench", "--json", "b.json"]) == TOOL
    assert "bp bench: they disagree" in capsys.readouterr().err
    assert not Path("b.json").exists()


def test_rounds_are_interleaved() -> None:
    """Every contestant runs once a round, none always first or after the same, and the warm-up does not count."""
    now = [0.0]
    order: list[str] = []

    def contestant(name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            order.append(name)
            now[0] += seconds

        return run

    times = interleaved(
        {name: contestant(name, seconds) for seconds, name in enumerate("abc")}, 5, clock=lambda: now[0]
    )
    rounds = ["".join(order[start : start + 3]) for start in range(0, len(order), 3)]
    assert rounds == ["abc", "cba", "bca", "acb", "cab", "bac"]
    assert times.seconds == {"a": [0] * 5, "b": [1] * 5, "c": [2] * 5}


def test_ratios_are_taken_within_a_round() -> None:
    """A machine that is ten times slower for a while changes no ratio."""
    times = Times({"a": [1.0, 10.0, 1.0], "b": [2.0, 20.0, 2.0]})
    assert times.ratio("b", "a") == 2
    assert times.median("a") == 1


def test_cells() -> None:
    """Values become short text, and different kinds of values stay different."""
    assert [cell(value) for value in (None, True, False, 1.23456, 12, "x")] == ["-", "yes", "no", "1.23", "12", "x"]
    console = Console(width=80, record=True, file=None, quiet=True)
    console.print(rich_table(Table("T", [{"a": 1}, {"b": 0.5}])))


@needs_flint
@needs_torch
def test_checkers_agree_and_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a tiny network all checkers run, and every wrong entry is found with its index."""
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
    """Without PyTorch its rows are left out, and the table says why."""
    monkeypatch.setattr(torch_autograd, "available", lambda: "PyTorch is not installed")
    times, detection = gradcheck.measure(TINY, silent)
    assert len(times.rows) == 3
    assert "PyTorch is not installed" in times.note
    assert detection.rows


def test_without_flint_there_is_no_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ball arithmetic the benchmark gives the reason."""
    monkeypatch.setattr(ball, "available", lambda: "python-flint is not installed")
    with pytest.raises(BenchError, match="python-flint is not installed"):
        gradcheck.measure(TINY, silent)


@needs_flint
@pytest.mark.parametrize("who", ["bp", "torch"])
def test_different_numbers_are_not_compared(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    """A gradient of another loss ends the benchmark."""
    if who == "bp":
        monkeypatch.setattr(bp.LinearLayer, "grad", lambda self, X, delta: [X.T @ delta, delta.sum(axis=0)])
    else:
        monkeypatch.setattr(torch_autograd, "available", lambda: None)
        monkeypatch.setattr(torch_autograd, "mlp_gradient", lambda theta, X, T: [np.zeros(a.shape) for a in theta])
    with pytest.raises(BenchError, match="expected"):
        gradcheck.measure(TINY, silent)


@needs_torch
def test_gradcheck_is_asked_about_the_entry() -> None:
    """PyTorch's slow mode passes its own gradient, and fails one whose largest entry is off by a tenth."""
    case, _ = deep.draw(np.random.RandomState(0), widths=TINY.widths, n=TINY.n)
    arguments = (case.theta, case.X, case.T)
    gradient = torch_autograd.mlp_gradient(*arguments)
    index = tuple(int(i) for i in np.unravel_index(np.abs(gradient[0]).argmax(), gradient[0].shape))
    assert torch_autograd.gradcheck_mlp(*arguments, fast=False)
    assert torch_autograd.gradcheck_mlp(*arguments, fast=True)
    assert not torch_autograd.gradcheck_mlp(*arguments, fast=False, wrong=(0, index, 1.1))


def test_the_examiner_is_timed_with_a_right_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    """If ``bp`` does not pass, no time is given."""
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


SHORT = training.Plan(rounds=2, images=0, small_epochs=3, compiled=False)
LITTLE = replace(EXPERIMENTS["mnist"], widths=(5, 4, 3), batch_size=20, alpha=0.1)


def little_data(n: int = 50) -> Any:
    rng = np.random.RandomState(0)
    X, X_test = (rng.standard_normal((m, 5)).astype(np.float32) for m in (n, 10))
    T, T_test = (np.eye(3, dtype=np.float32)[rng.randint(0, 3, len(each))] for each in (X, X_test))
    return X, T, X_test, T_test


@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize("piece", [0, 7])
@pytest.mark.parametrize(("batch_size", "evaluated", "passes"), [(20, False, 50), (20, True, 110), (50, True, 60)])
def test_products_are_those_of_an_epoch(
    columns: bool, piece: int, batch_size: int, evaluated: bool, passes: int
) -> None:
    """The operations are those of all forward passes, of the gradients, and of all deltas but the first layer's."""
    X, _, X_test, _ = little_data()
    work = products.Workload((5, 4, 3), X, X_test, batch_size, evaluated)
    todo = products.products(work, products.Layout(columns, piece))
    multiplied = sum(left.shape[0] * left.shape[1] * right.shape[1] for left, right, _ in todo)
    weights, below_loss = 5 * 4 + 4 * 3, 4 * 3
    assert multiplied == passes * weights + 50 * (weights + below_loss)
    for left, right, out in todo:
        assert out.shape == (left.shape[0], right.shape[1])
    products.run(todo)


@pytest.mark.parametrize("evaluated", [True, False])
def test_products_in_parts_are_the_same(evaluated: bool) -> None:
    """In parts there are more products, as many multiplications, and the same results."""
    rng = np.random.RandomState(0)
    work = products.Workload((500, 64, 10), rng.standard_normal((100, 500)), None, 60, evaluated)
    totals, results = [], []
    for parts in (False, True):
        todo = products.products(work, products.Layout(False, 0, parts))
        products.run(todo)
        totals.append(sum(out.size * left.shape[-1] for left, _, out in todo))
        results.append([todo[0][2].ravel()[:64], todo[-1][2].ravel()[-1:]])
        assert any(out.ndim > 2 for _, _, out in todo) == parts
    assert totals[0] == totals[1]
    for whole, in_parts in zip(*results, strict=True):
        np.testing.assert_allclose(in_parts, whole, rtol=1e-11)


def test_the_fastest_layout_is_one_of_those_that_fit() -> None:
    """The fastest layout is one of those that fit, and its products are those of the whole epoch."""
    X, _, X_test, _ = little_data()
    work = products.Workload((5, 4, 3), X, X_test, 20, True)
    layout, todo = products.fastest(work, 1)
    assert layout.piece < 20
    assert len(todo) == len(products.products(work, layout))


@pytest.mark.parametrize("evaluated", [True, False])
def test_training_is_compared(evaluated: bool) -> None:
    """We, the textbook, PyTorch if it is installed, and the products have a time in each round."""
    times = training.compared(training.Row(LITTLE, evaluated, 1), little_data(), SHORT)
    expected = {"ours", "textbook", "products"} | (set() if torch_autograd.available() else {"eager"})
    assert set(times.seconds) == expected
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in times.seconds.values())


def test_training_of_something_else_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A textbook that averages twice ends the benchmark."""
    descend = training._Textbook._descend
    monkeypatch.setattr(training._Textbook, "_descend", lambda self: (descend(self), descend(self)))
    with pytest.raises(BenchError, match="expected equal losses after one epoch"):
        training.compared(training.Row(LITTLE, True, 1), little_data(), SHORT)


def test_training_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table beside PyTorch has all rows; that above the products has those of one thread."""
    monkeypatch.setattr(training, "load_data", lambda experiment: little_data())
    monkeypatch.setattr(training, "mnist", lambda images: (little_data(), "Little."))
    wanted = [training.Row(LITTLE, True, 1, 0.9, 1.1), training.Row(LITTLE, True, 2, 0.9)]
    beside, above = training.measure(wanted, SHORT, silent)
    assert [row["epoch of"] for row in beside.rows] == ["mnist, float64", "mnist, float64, 2 threads"]
    assert [row["goal"] for row in above.rows] == [1.1]
    assert "Little." in beside.note


def test_without_mnist_there_is_noise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without MNIST there is noise of its shape, and the table says so."""
    monkeypatch.setenv("BP_MNIST", str(tmp_path))
    (X, T, X_test, T_test), where = training.mnist(60)
    assert (X.shape, T.shape, X_test.shape, T_test.shape) == ((60, 784), (60, 10), (10, 784), (10, 10))
    assert "Noise of MNIST's shape" in where


LITTLE_CALLS = [
    calls.Call(replace(EXPERIMENTS["xor"], n_epochs=2), "stable", goal=0.07, beside="plain", goal_beside=1.0),
    calls.Call(replace(EXPERIMENTS["spirals"], n_epochs=2), "naive", soft=True, beside="naive", goal_beside=1.1),
    calls.Call(replace(LITTLE, n_epochs=2), "logits", goal=0.55),
]


def test_whole_calls_are_compared() -> None:
    """Each call has a row with its ratios, to PyTorch if it is installed, to the products, and to the other call."""
    table = calls.measure(LITTLE_CALLS, 0.01, little_data(), "Little.", silent)
    xor, soft, digits = table.rows
    assert (xor["beside"], xor["its goal"], soft["beside"]) == ("plain", 1.0, "naive")
    assert min(xor["/ that"], soft["/ that"], digits["/ products"]) > 0
    assert "/ eager" not in soft
    assert ("/ eager" in digits) == (torch_autograd.available() is None)


def test_calls_that_compute_something_else_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain path with another learning rate ends the benchmark."""
    ours = calls._ours
    monkeypatch.setattr(
        calls, "_ours", lambda e, *rest, fast=True: ours(e if fast else replace(e, alpha=2.0), *rest, fast=fast)
    )
    with pytest.raises(BenchError, match="expected equal losses at the end"):
        calls.measure(LITTLE_CALLS[:1], 0.01, little_data(), "Little.", silent)


def test_every_kind_of_net_has_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table says for each kind of net, targets and batches which path takes it."""
    kinds = [each for each in calls.kinds() if each[0] in {"ends stable", "two ReLUs in a row"}]
    monkeypatch.setattr(calls, "kinds", lambda: kinds)
    rows = calls.paths(0.01, silent).rows
    assert {(row["targets"], row["batch"]) for row in rows} == {(t, n) for t in ("one-hot", "soft") for n in (300, 100)}
    assert {(row["net"], row["batch"]): row["path"] for row in rows} == {
        ("ends stable", 300): "whole batches",
        ("ends stable", 100): "pieces",
        ("two ReLUs in a row", 300): "plain",
        ("two ReLUs in a row", 100): "plain",
    }
    assert min(row["/ plain"] for row in rows) > 0


def test_growth_and_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a row for each case, and the shares of the profile add up to one."""
    table = growth.growth({"batch": [(LITTLE, 50), (replace(LITTLE, batch_size=50), 50)]}, SHORT, silent)
    assert [row["batch"] for row in table.rows] == [20, 50]
    assert {row["net"] for row in table.rows} == {"5-1x4-3"}
    monkeypatch.setattr(growth, "mnist", lambda images: (little_data(), "Little."))
    monkeypatch.setitem(growth.EXPERIMENTS, "mnist", LITTLE)
    shares = {row["part"]: row["share"] for row in growth.profile(SHORT, silent).rows}
    assert {"matrix products", "ReLU forward", "ReLU back", "losses and hits", "the rest"} < set(shares)
    assert sum(shares.values()) == pytest.approx(1)
    assert growth.pieces.perform is heads.perform


def test_footprint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Imports are timed in fresh processes, and the data of a small experiment are counted as they are."""
    table = footprint.imports(1)
    assert [row["import"] for row in table.rows] == ["numpy", "bp"]
    assert table.rows[1]["ms"] > 0
    if sys.platform != "win32":
        monkeypatch.setenv("BP_MNIST", str(tmp_path))
        double, single = footprint.memory(3600).rows
        assert double["cast to dtype, MB"] == 2 * single["cast to dtype, MB"]
        assert double["cast to dtype, MB"] == pytest.approx(4200 * 784 * 8 / 2**20)
        assert double["peak - data, MB"] > 0
    with pytest.raises(BenchError, match="ZeroDivisionError"):
        footprint._output("1 / 0")


@needs_flint
def test_mistakes_are_counted_by_class() -> None:
    """What is caught and named is counted, and a miss would be shown."""
    leaky = next(each for each in mistakes.CATALOGUE if each.name == "ReLULayer.forward_leaks")
    result = mistakes.examined(leaky)
    assert (result.caught, result.named, result.blamed) == (True, "leaky", ())
    missed = mistakes.Examined(leaky, caught=False, named=None, blamed=("MLP.gradient",), size=None)
    table = mistakes.summary([result, missed])
    assert [row["class"] for row in table.rows] == ["ReLULayer", "all"]
    assert [table.rows[-1][name] for name in ("mistakes", "caught", "rightly named", "others blamed")] == [2, 1, 1, 1]
    assert "Not caught: ReLULayer.forward_leaks" in table.note


def test_checkers_are_compared_on_right_and_wrong_gradients() -> None:
    """Every function is right, and wrong in a way that each checker sees; ours names most of the mistakes."""
    functions = checkers.ten_functions()
    assert len({each.name for each in functions}) == 10
    ours = [check_vjp(each.forward, each.wrong, *each.args, effort="quick").failed[0].mistake for each in functions]
    assert sum(word is not None for word in ours) >= 9
    assert all(check_vjp(each.forward, each.vjp, *each.args, effort="quick").ok for each in functions[:3])
