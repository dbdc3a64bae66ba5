"""Which sequences of calls the checks ask of a network: again and again, in turns, with steps of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call, Get, Keep, Ref
from reference.findings import Violation
from reference.lab.checks import net, net_uses
from reference.lab.context import Context
from reference.lab.mistakes import plain
from reference.lab.net_run import NetRun
from reference.lab.network import SHAPES, NetCase
from reference.numerics import running_errors, tolerances
from tests.hearing import Hearing, heard
from tests.net_hearing import METHODS, Array, context, sizes

pytestmark = pytest.mark.catalogue


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
