"""How networks are called by the checks of their uses: which networks, batches, arrays, options and sequences."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call, Get, Keep, Laid, Ref, Reply
from reference.findings import Violation
from reference.lab.checks import net, net_calls, net_uses
from reference.lab.context import Context
from reference.lab.mistakes import plain
from reference.lab.net_run import NetRun
from reference.lab.network import SHAPES, NetCase
from reference.numerics import running_errors, tolerances

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
METHODS = ("propagate", "evaluate", "gradient")


class Hearing(InProcess):
    """Answers as the textbook does, and notes all steps."""

    def __init__(self) -> None:
        super().__init__(plain.CLASSES, {})
        self.heard: list[list[Any]] = []

    def run(self, steps: Any) -> list[Reply]:
        self.heard.append(list(steps))
        return super().run(steps)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, NetCase, dict[str, Any], str]]:
    """What is judged: the method, the case, its options, and the call as a script has it. Nothing is found wrong."""
    found: list[tuple[str, NetCase, dict[str, Any], str]] = []

    def judge_answer(self: NetRun, method: str, reply: Reply, **options: Any) -> None:
        assert reply.error is None
        found.append((method, self.case, options, self.asked))

    monkeypatch.setattr(NetRun, "judge_answer", judge_answer)
    return found


def context(assignment: int = 3, effort: Any = "normal", seed: int = 0) -> Context:
    return Context(Hearing(), "none", "x", assignment=assignment, effort=effort, seed=seed)


def heard(asks: Context) -> list[list[Any]]:
    assert isinstance(asks.executor, Hearing)
    return asks.executor.heard


def calls(asks: Context) -> list[Call]:
    """The last step of each request."""
    return [steps[-1] for steps in heard(asks) if isinstance(steps[-1], Call)]


def sizes(case: NetCase) -> tuple[tuple[int, ...], int, bool]:
    return case.widths, len(case.X), case.compound


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("assignment", [1, 3])
def test_single_precision_is_of_inputs_and_targets(method: str, assignment: int, judged: Any) -> None:
    """In two networks with each loss; the numbers are the same in both precisions, and layers are the examiner's."""
    asks = context(assignment)
    net_calls.check_single_precision(asks, method)
    losses = [True, False] if assignment > 1 else [False]
    shapes = [((4, 3, 3, 3), 6), ((3, 5, 2), 1)]
    assert [sizes(case) for _, case, _, _ in judged] == [(*shape, loss) for loss in losses for shape in shapes]
    assert {name for name, *_ in judged} == {method}
    for (_, case, options, _), call in zip(judged, calls(asks), strict=True):
        assert (call.method, options, case.own) == (method, {}, True)
        assert set(call.arguments) == ({"X"} if method == "propagate" else {"X", "T"})
        for name, array in call.arguments.items():
            assert array.dtype == np.float32
            assert np.array_equal(array.astype(float), vars(case)[name])
        assert all(array.dtype == np.float64 for array in case.theta)


@pytest.mark.parametrize("method", METHODS)
def test_arrays_lie_in_each_layout(method: str, judged: Any) -> None:
    """One after the other, both of them, in one network with each loss."""
    asks = context()
    net_calls.check_layouts(asks, method)
    layouts = ["Fortran", "strided", "reversed", "read-only"]
    assert [sizes(case) for _, case, _, _ in judged] == [
        ((3, 3, 3), 3, loss) for loss in (True, False) for _ in layouts
    ]
    for place, ((_, case, _, _), call) in enumerate(zip(judged, calls(asks), strict=True)):
        assert set(call.arguments) == ({"X"} if method == "propagate" else {"X", "T"})
        for name, laid in call.arguments.items():
            assert isinstance(laid, Laid)
            assert laid.layout == layouts[place % 4]
            assert laid.array is vars(case)[name]


def test_batches_have_many_sizes(judged: Any) -> None:
    """One sample, some, many and hundreds; other ones with each seed."""
    seen = set()
    for seed in range(5):
        judged.clear()
        net_calls.check_batch_sizes(context(seed=seed), "propagate")
        first = [sizes(case) for _, case, _, _ in judged]
        assert [(widths, loss) for widths, _, loss in first] == [
            (widths, loss) for loss in (True, False) for widths in ((3, 4, 3), *[(2, 3, 2)] * 3)
        ]
        one, few, many, large = [n for _, n, _ in first[:4]]
        assert one == 1
        assert 7 <= few < 32 <= many < 128
        assert 256 <= large < 400
        assert [n for _, n, _ in first[4:]] == [one, few, many, large]
        seen.add((few, many, large))
    assert len(seen) == 5


@pytest.mark.parametrize("method", METHODS)
def test_arguments_are_given_by_position(method: str, judged: Any) -> None:
    """To the class and to the method, with each option that ``propagate`` has."""
    asks = context()
    net_calls.check_by_position(asks, method)
    assert all(steps[-1].by_position and steps[-2].by_position for steps in heard(asks))
    compound = [{**options} for _, case, options, _ in judged if case.compound]
    if method != "propagate":
        assert compound == [{}]
        return
    names = ["Linear_1", "ReLU_1", "Linear_OUT", "Softmax_OUT"]
    last = [{"output_layers": True, "last_layer": name} for name in names]
    inner = [{"output_layers": False, "last_layer": name} for name in names[:3]]
    assert compound == [{}, {"output_layers": False}, {"output_layers": True}, *last, *inner]
    for (_, _, options, asked), call in zip(judged, calls(asks), strict=True):
        assert list(call.arguments) == ["X", *options]
        assert {**options}.items() <= call.arguments.items()
        assert asked == f"net.propagate({', '.join(['X', *map(repr, options.values())])})"


@pytest.mark.parametrize("assignment", [1, 3])
@pytest.mark.parametrize("method", METHODS)
def test_layers_stand_in_any_order(method: str, assignment: int, judged: Any) -> None:
    """One alone, two linear ones in a row, ReLU first, last or twice, many; named by letters that say nothing."""
    asks = context(assignment)
    net_calls.check_other_nets(asks, method)
    kinds = {"l": "linear", "r": "relu"}
    plans = ["l", "ll", "lr", "rl", "lrrllr", "lrlrl", "lrl", "lr" * 8 + "l", "lr" * 15 + "l"]
    whole = [case for _, case, options, _ in judged if not options]
    rows = [("".join(each[0] for each in case.all_kinds), case.compound) for case in whole]
    if assignment > 1:
        assert rows == [(plan, True) for plan in plans] + [(plan, False) for plan in plans[:6]]
    else:
        assert rows == [(plan, False) for plan in plans if plan != "lrl"]
    for case in whole:
        *names, last = case.row_names
        names = names[: len(case.all_kinds)]
        assert len(set(names)) == len(names)
        assert not any(word in name for name in names for word in ("inear", "eLU"))
        assert last == "Softmax_OUT"
        assert case.own
        assert case.before_softmax == (("relu",) if case.compound and len(names) == 3 and names[1] == "b" else ())
        assert [array.shape for array in case.theta] == [
            shape for d, u in pairwise(case.widths) for shape in ((d, u), (u,))
        ]
        assert (case.X.shape[1], case.T.shape[1]) == (case.widths[0], case.widths[-1])
        assert (case.T.sum(axis=1) == 1).all()
    for case in whole:
        asked = [options["last_layer"] for _, each, options, _ in judged if each is case and options]
        short = len(case.row) < 12
        assert asked == ([*case.row_names] if method == "propagate" and short else [])
    assert set(kinds.values()) == {kind for case in whole for kind in case.all_kinds}


def test_signals_keep_their_size_in_deep_networks() -> None:
    """So that no unit of a deep one is near 0, and its logits are of ordinary size."""
    for number, plan in enumerate(net_calls._PLANS):
        case = net_calls._Drawing(context(), number, plan, compound=True)()
        assert 0.05 < np.abs(_units(case)[-1]).max() < 50
        assert min(float(np.abs(Z).min()) for Z in _units(case)) > tolerances.UNIT_MARGIN
        assert 0.05 < np.abs(case.theta[0]).mean() < 3
        assert len(case.X) == plan.n
        assert (case.kinds, case.names) == (plan.kinds, plan.names)


def test_networks_are_drawn_until_no_unit_is_near_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the layers that they have, in their order."""
    asked: list[tuple[Any, ...]] = []

    def is_decided(*given: Any) -> bool:
        asked.append(given)
        return len(asked) == 3

    monkeypatch.setattr(net_calls, "is_decided", is_decided)
    for number, plan in enumerate(net_calls._PLANS):
        asked.clear()
        case = net_calls._Drawing(context(), number, plan, compound=True)()
        assert [kinds for _, _, kinds in asked] == [plan.kinds] * 3
        assert asked[-1][0] is case.X
        assert not np.array_equal(asked[0][0], case.X)
        assert all(one is other for one, other in zip(asked[-1][1], case.theta, strict=True))


def _units(case: NetCase) -> list[Array]:
    """What goes into ReLU for the first time; ones if nothing does."""
    A, found, parameters, before = case.X, [np.ones(1)], iter(case.theta), ""
    for kind in case.all_kinds:
        if kind == "linear":
            A = A @ next(parameters) + next(parameters)
        else:
            found += [A] if before != "relu" else []
            A = np.maximum(A, 0)
        before = kind
    return found


def test_letters_are_names_for_any_number_of_layers() -> None:
    """Each once."""
    names = net_calls._letters(("linear",) * 60)
    assert len(set(names)) == 60
    assert names[:3] == ("a", "b", "c")
    assert {len(name) for name in names} == {1, 2, 3}


# Several calls of one network


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_changed_by_a_call(method: str) -> None:
    """Three networks with each loss: the call, a look at all parameters, and the same call again."""
    asks = context()
    net_uses.check_changes_nothing(asks, method)
    shapes = [SHAPES[0], SHAPES[2], SHAPES[-2]]
    asked = [steps for steps in heard(asks) if any(isinstance(each, Get) for each in steps)]
    assert len(asked) > 3
    for steps, (widths, n) in zip(asked, shapes * 2, strict=True):
        number = len(widths) - 1
        names = [*(f"Linear_{k}" for k in range(1, number)), "Linear_OUT"]
        first, *looks, again = steps[-2 * number - 2 :]
        assert looks == [Get(name, attribute) for name in names for attribute in "Wb"]
        assert first is again
        assert (first.name, first.method, len(first.arguments["X"])) == ("net", method, n)


OUTPUT, LOGITS = {"output_layers": True}, {"output_layers": False}


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[net_uses.Turn], str, bool]]:
    """The turns that are played, of which drawing, with which loss; nothing is asked."""
    found: list[tuple[list[net_uses.Turn], str, bool]] = []

    def _played(context: Context, turns: Any, key: str, *, compound: bool) -> list[Any]:
        found.append((list(turns), key, compound))
        return []

    monkeypatch.setattr(net_uses, "_played", _played)
    return found


@pytest.mark.parametrize(("effort", "losses"), [("quick", [True]), ("normal", [True, False])])
@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_called_again_and_again(method: str, effort: Any, losses: list[bool], played: Any) -> None:
    """With each batch and option, after each step of training the call before it first, and then another method."""
    net_uses.check_no_state(context(effort=effort), method)
    options: list[dict[str, Any]] = [OUTPUT, LOGITS, {}] if method == "propagate" else [{}]
    others = [name for name in METHODS if name != method]
    assert [(turns[-1].method, compound) for turns, _, compound in played] == [
        (other, loss) for loss in losses for other in others
    ]
    for turns, key, _ in played:
        assert key == "net.state"
        *own, last = turns
        assert last.batch == 1
        assert {**last.options} == (LOGITS if last.method == "propagate" else {})
        updates = [place for place, turn in enumerate(own) if turn.method == "update_params"]
        assert [own[place].batch for place in updates] == [0, 1]
        first = own[: updates[0]]
        assert [(turn.batch, {**turn.options}) for turn in first] == [
            (batch, each) for batch in (0, 1, 2, 3, 0) for each in options
        ]
        assert all(own[place - 1] == own[place + 1] for place in updates)
        assert {turn.method for turn in own} == {method, "update_params"}
        assert len(own) == len(first) + 2 + 3 + 4


@pytest.mark.parametrize(("effort", "losses"), [("quick", [True]), ("normal", [True, False])])
def test_methods_are_called_in_turns(effort: Any, losses: list[bool], played: Any) -> None:
    """Each four times or more, with every batch, between three steps of training."""
    net_uses.check_in_any_order(context(effort=effort), "evaluate")
    assert [(key, compound) for _, key, compound in played] == [("net.order", loss) for loss in losses]
    turns = played[0][0]
    assert [turn.batch for turn in turns if turn.method == "update_params"] == [0, 1, 2]
    for method, batches in (("propagate", [0, 1, 2, 3]), ("evaluate", [1, 0, 2, 1, 3, 2, 0, 3]),
                            ("gradient", [0, 2, 1, 3, 2, 0, 3, 1])):  # fmt: skip
        assert [turn.batch for turn in turns if turn.method == method] == batches
    assert [{**turn.options} for turn in turns if turn.method == "propagate"] == [OUTPUT, LOGITS, {}, LOGITS]
    order = [turn.method for turn in turns]
    assert order[:4] == ["propagate", "evaluate", "gradient", "update_params"]


@pytest.mark.parametrize("compound", [True, False])
def test_turns_are_played_with_the_same_arrays(compound: bool) -> None:
    """A batch is in the same arrays each time, written anew; after each step the parameters are those that are due."""
    asks = context()
    turn = net_uses.Turn
    turns = [turn("propagate", 0, LOGITS), turn("update_params", 1), turn("gradient", 3), turn("propagate", 0),
             turn("update_params", 0), turn("evaluate", 2)]  # fmt: skip
    found = net_uses._played(asks, turns, "net.test", compound=compound)
    (steps,) = heard(asks)
    assert [each.turn for each in found] == [each for each in turns if each.method != "update_params"]
    keeps = [each for each in steps if isinstance(each, Keep)]
    assert [each.name for each in keeps] == [
        "X of batch 0", "X of batch 3", "T of batch 3", "X of batch 0", "X of batch 2", "T of batch 2",
    ]  # fmt: skip
    net_calls_of = [each for each in steps if isinstance(each, Call) and each.name == "net"]
    assert [{**each.arguments} for each in net_calls_of] == [
        {"X": Ref("X of batch 0"), **LOGITS}, {"X": Ref("X of batch 3"), "T": Ref("T of batch 3")},
        {"X": Ref("X of batch 0")}, {"X": Ref("X of batch 2"), "T": Ref("T of batch 2")},
    ]  # fmt: skip
    updates = [each for each in steps if isinstance(each, Call) and each.method == "update_params"]
    names = found[0].net.case.linear
    assert [each.name for each in updates] == names * 2
    theta = [array.copy() for array in found[0].net.case.theta]
    for each, moved in zip(found, (0, 1, 1, 2), strict=True):
        for place, array in enumerate(each.net.case.theta):
            steps_of = [update.arguments["dtheta"][place % 2] for update in updates[place // 2 :: len(names)]][:moved]
            assert np.array_equal(array, theta[place] + sum(steps_of))
        assert each.net.case.own
        assert each.net.case.compound is compound
    lengths = [len(each.net.case.X) for each in found]
    assert lengths == [4, 1, 4, 7]
    assert all(len(each.net.case.T) == len(each.net.case.X) for each in found)
    assert found[0].net.case.X is not found[1].net.case.X
    whole = np.concatenate([each.net.case.X for each in (found[0], found[3], found[1])])
    assert len(np.unique(whole, axis=0)) == 12
    for each in found:
        assert each.replies[-1].error is None
        assert len(each.replies) == len(each.net.case.steps()) + 1
    expected = plain.softmax(found[2].net.case.X)
    assert found[2].replies[-1].value.shape == expected.shape


def test_steps_of_training_keep_units_away_from_0() -> None:
    """Each step is exact, and so are the sums."""
    for seed in range(3):
        case, steps = net_uses._drawn(context(seed=seed), "net.state", compound=True)
        assert (case.widths, len(case.X), len(steps)) == ((3, 4, 4, 3), 16, 3)
        theta = case.theta
        for step in [tuple(np.zeros(array.shape) for array in theta), *steps]:
            assert [part.shape for part in step] == [array.shape for array in theta]
            assert all((part * 32 % 1 == 0).all() for part in step)
            theta = tuple(array + part for array, part in zip(theta, step, strict=True))
            bounds = running_errors.alternating(3)
            assert bounds == case.all_kinds
            A = case.X
            for W, b in zip(theta[:-2:2], theta[1:-2:2], strict=True):
                A = A @ W + b
                assert np.abs(A).min() > tolerances.UNIT_MARGIN
                A = np.maximum(A, 0)


def test_units_are_looked_at_after_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the parameters of that time; all is drawn again if one is near 0."""
    asked: list[Any] = []

    def is_decided(X: Array, theta: Any) -> bool:
        asked.append(theta)
        return len(asked) != 2

    monkeypatch.setattr(net_uses, "is_decided", is_decided)
    case, steps = net_uses._drawn(context(), "net.state", compound=True)
    assert len(asked) > 3
    for number, theta in enumerate(asked[-3:], 1):
        for place, array in enumerate(theta):
            assert np.array_equal(array, case.theta[place] + sum(step[place] for step in steps[:number]))


@pytest.mark.parametrize(("compound_only", "together"), [(False, False), (True, False), (False, True)])
def test_the_first_violation_is_that_of_the_smallest_network(compound_only: bool, together: bool) -> None:
    """All networks are judged all the same, so that the diagnosis knows the answers of all."""
    seen: list[NetCase] = []

    def judge(each: NetRun) -> None:
        seen.append(each.case)
        if len(seen) in {3, 5}:
            raise each.violation(*[net.fact("zeros")] * 2, f"{len(seen)}")

    options: dict[str, bool] = {"compound_only": compound_only} if compound_only else {"together": together}
    with pytest.raises(Violation) as caught:
        net._judge_each(context(), judge, **options)
    assert caught.value.mistake == "3"
    assert [sizes(case)[:2] for case in seen] == [*SHAPES, *([] if compound_only else SHAPES)]
    assert {case.own for case in seen} == {not together}
    seen.clear()
    seen += [seen] * 9  # type: ignore[list-item]
    net._judge_each(context(), judge, **options)


@pytest.mark.parametrize("check", [net.check_training_step, net.check_training_step_together])
def test_a_training_step_is_taken_in_each_network(check: Callable[[Context], None]) -> None:
    """By an eighth of the gradient, downhill; then all parameters are looked at, and the gradient is asked again."""
    asks = Context(Hearing(), "none", "x")
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NetRun, "judge", lambda self, reply, truth, bound, what=None: seen.append(what))
        patch.setattr(NetRun, "true_gradient", lambda self: self.case.theta)
        check(asks)
    trained = [steps for steps in heard(asks) if sum(isinstance(each, Call) for each in steps) > 1]
    assert len(trained) == 2 * len(SHAPES)
    for steps in trained:
        asked = [each for each in steps if isinstance(each, Call)]
        first, *updates, again = asked
        assert first is again
        assert (first.name, first.method, set(first.arguments)) == ("net", "gradient", {"X", "T"})
        looks = [each for each in steps if isinstance(each, Get)]
        names = [each.name for each in updates]
        assert [(each.name, each.attribute) for each in looks] == [(name, each) for name in names for each in "Wb"]
        assert names[-1] == "Linear_OUT"
        gradient = InProcess(plain.CLASSES, {}).run([*steps[: steps.index(first)], first])[-1].value
        for each in updates:
            for part, step in zip(gradient[each.name], each.arguments["dtheta"], strict=True):
                assert np.array_equal(step, -part / 8)
    assert seen[:4] == ["Linear_OUT.W after one step", "Linear_OUT.b after one step",
                        "gradient of Linear_OUT after one step", "gradient of Linear_OUT after one step"]  # fmt: skip
