"""How networks are called by the checks of their uses: which networks, batches, arrays and options."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from reference.execution.worker.protocol import Call, Laid, Reply
from reference.lab.checks import net_calls
from reference.lab.context import Context
from reference.lab.net_run import NetRun
from reference.lab.network import NetCase
from reference.numerics import tolerances
from tests.hearing import heard
from tests.net_hearing import METHODS, Array, context, sizes

pytestmark = pytest.mark.catalogue


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, NetCase, dict[str, Any], str]]:
    """What is judged: the method, the case, its options, and the call as a script has it. Nothing is found wrong."""
    found: list[tuple[str, NetCase, dict[str, Any], str]] = []

    def judge_answer(self: NetRun, method: str, reply: Reply, **options: Any) -> None:
        assert reply.error is None
        found.append((method, self.case, options, self.asked))

    monkeypatch.setattr(NetRun, "judge_answer", judge_answer)
    return found


def calls(asks: Context) -> list[Call]:
    """The last step of each request."""
    return [steps[-1] for steps in heard(asks) if isinstance(steps[-1], Call)]


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
