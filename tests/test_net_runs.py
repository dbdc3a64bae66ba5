"""One network that is called: what its answers are held to, and what is said of a wrong one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call, Reply
from reference.findings import Violation
from reference.lab.checks import net_uses
from reference.lab.mistakes import plain
from reference.lab.net_run import NetRun
from reference.lab.network import NetCase
from reference.numerics.compare import alike
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.comparing import needs_flint
from tests.examining import with_methods
from tests.one_net import HIDDEN, LOGITS, LOSSES, SOFTMAX, THETA, T, X, case, run
from tests.test_check_facts import printed

pytestmark = pytest.mark.catalogue

ZEROS = fact("zeros")


def replying(value: Any) -> Reply:
    return Reply(value, "ndarray" if isinstance(value, np.ndarray) else type(value).__name__)


def refused(net: NetRun, judge: str, *args: Any, **options: Any) -> Violation:
    with pytest.raises(Violation) as caught:
        getattr(net, judge)(*args, **options)
    return caught.value


@needs_flint
@pytest.mark.parametrize("compound", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_right_answers_are_right(own: bool, compound: bool) -> None:
    """To each method, with each option; a column of losses may be a row, which another check looks at."""
    net = run(case(own=own, compound=compound))
    for options in ({}, {"output_layers": False}, {"last_layer": "ReLU_1"}, {"last_layer": "Softmax_OUT"}):
        net.judge_answer("propagate", net.propagate(**options), **options)
    net.judge_answer("evaluate", net.evaluate())
    net.judge_answer("evaluate", replying(net.evaluate().value.ravel()))
    net.judge_answer("gradient", net.reply(net.call("gradient")))
    assert [name for name, _ in net.gradient()] == ["Linear_1", "Linear_1", "Linear_OUT", "Linear_OUT"]
    outputs = SOFTMAX if not compound else LOGITS
    net.judge_answer("propagate", replying(outputs), output_layers=False)
    net.judge_answer("propagate", replying(HIDDEN), output_layers=False, last_layer="ReLU_1")


@needs_flint
@pytest.mark.parametrize(
    ("options", "right"),
    [
        ({}, SOFTMAX), ({"output_layers": True}, SOFTMAX), ({"output_layers": False}, LOGITS),
        ({"last_layer": "ReLU_1"}, HIDDEN), ({"last_layer": "Linear_OUT"}, LOGITS),
    ],
)  # fmt: skip
def test_a_wrong_output_is_told(options: dict[str, Any], right: Any) -> None:
    """By the call, the place that is farthest off, and both numbers; both kinds of layers are said."""
    wrong = right.copy()
    wrong[1, 0] += 0.5
    for own in (True, False):
        net = run(case(own=own))
        net.asked = "net.propagate(X)"
        found = refused(net, "judge_answer", "propagate", replying(wrong), **options)
        assert (found.index, found.due["what"], found.came["what"]) == ((1, 0), "net.propagate(X)", "net.propagate(X)")
        assert found.due["value"] == pytest.approx(right[1, 0])
        assert found.came["value"] == pytest.approx(right[1, 0] + 0.5)
        assert [each.kind for each in found.came.more] == (["own layers"] if own else [])
        assert found.mistake is None
        assert found.counterexample == {
            **{name: array.tolist() for name, array in zip(net.case.labels, THETA, strict=True)},
            "X": X.tolist(), "T": T.tolist(),
        }  # fmt: skip
        (noted,) = net.context.log
        assert noted.bounds is not None
        assert (noted.values[0] == wrong).all()
        assert noted.bounds[0].shape == wrong.shape


@needs_flint
@pytest.mark.parametrize(
    ("value", "due", "came", "word"),
    [
        (None, ("numbers", {"what": "net"}), ("type", {"name": "None"}), "not-implemented"),
        ("low", ("numbers", {"what": "net"}), ("type", {"name": "str"}), "wrong-type"),
        (np.ones((2, 2)), ("shape of", {"what": "net", "shape": (2, 1)}), ("shape", {"shape": (2, 2)}), "wrong-shape"),
        (LOSSES * 1j, ("numbers", {"what": "net"}), ("type", {"name": "array of dtype complex128"}), "wrong-dtype"),
    ],
)  # fmt: skip
def test_losses_that_are_none_are_told(value: Any, due: Any, came: Any, word: str) -> None:
    """By what they are, and they are kept for the diagnosis."""
    net = run(case())
    found = refused(net, "judge_losses", replying(value))
    assert (found.due.kind, found.due.fields) == due
    assert found.came.kind == came[0]
    assert came[1].items() <= found.came.fields.items()
    assert found.mistake == word
    (noted,) = net.context.log
    assert (noted.bounds is None) == (due[0] == "numbers")
    assert noted.values[0] is value if noted.bounds else noted.values == (replying(value).kind,)


PARTS = {"Linear_1": [THETA[0], THETA[1]], "Linear_OUT": [THETA[2], THETA[3]]}


@pytest.mark.parametrize(
    ("value", "due", "came", "word"),
    [
        (None, "keys", ("type", {"name": "None"}), "not-implemented"),
        ([1], "keys", ("type", {"name": "list"}), "wrong-type"),
        (THETA[0], "keys", ("type", {"name": "ndarray"}), "wrong-type"),
        ({"Linear_1": [1, 2]}, "keys", ("value", {"value": ["Linear_1"]}), "layer-skipped"),
        ({"Linear_1": 1, "other": 2}, "keys", ("value", {"value": ["Linear_1", "other"]}), "missing"),
        ({"a": 1, "b": 1, "c": 1}, "keys", ("value", {"value": ["a", "b", "c"]}), "missing"),
        ({**PARTS, "c": 1}, "keys", ("value", {"value": ["Linear_1", "Linear_OUT", "c"]}), "wrong-type"),
        ({**PARTS, "Linear_1": THETA[0]}, "pair under", ("type", {"name": "ndarray"}), "bias-gradient-missing"),
        ({**PARTS, "Linear_1": THETA[1]}, "pair under", ("type", {"name": "ndarray"}), "wrong-type"),
        ({**PARTS, "Linear_1": [THETA[0]]}, "pair under", ("type", {"name": "list"}), "wrong-type"),
        ({**PARTS, "Linear_1": (1, 2, 3)}, "pair under", ("type", {"name": "tuple"}), "wrong-type"),
        ({**PARTS, "Linear_1": [THETA[0], None]}, "array under", ("type", {"name": "None"}), "wrong-type"),
        ({**PARTS, "Linear_1": [THETA[0], "b"]}, "array under", ("type", {"name": "str"}), "wrong-type"),
        ({**PARTS, "Linear_1": [THETA[0], THETA[1] * 1j]}, "array under",
         ("type", {"name": "array of dtype complex128"}), "wrong-dtype"),
        ({**PARTS, "Linear_1": [THETA[0], THETA[1][None]]}, "array under", ("shape", {"shape": (1, 2)}), "wrong-shape"),
    ],
)  # fmt: skip
def test_a_gradient_that_is_none_is_told(value: Any, due: str, came: Any, word: str) -> None:
    """By the keys and the arrays that were due, and by what came in their place."""
    net = run(case())
    found = refused(net, "named_parts", replying(value))
    fields = {
        "keys": {"names": ["Linear_1", "Linear_OUT"]},
        "pair under": {"name": "Linear_1"},
        "array under": {"name": "Linear_1", "shape": (2,)},
    }
    assert (found.due.kind, found.due.fields, found.mistake) == (due, fields[due], word)
    assert found.came.kind == came[0]
    assert came[1].items() <= found.came.fields.items()
    assert [each.kind for each in found.came.more] == ["own layers"]
    assert net.context.log


def test_gradients_that_are_none_are_told_apart_by_what_is_kept() -> None:
    """By their types and keys, and by what stands under the keys that are due, as far as it is a list."""
    ones = [np.ones(2), np.ones(2)]
    values = [
        None, [1], {"Linear_1": ones}, {"Linear_1": [2 * each for each in ones]}, {"Linear_OUT": ones},
        {"Linear_1": tuple(ones), "other": ones}, {"Linear_1": 1}, {"Linear_1": ones, "Linear_OUT": ones, "c": ones},
        {"Linear_1": THETA[0], "Linear_OUT": 1}, {"Linear_1": 1, "Linear_OUT": 1},
    ]  # fmt: skip
    kept = []
    for value in values:
        first, again = run(case()), run(case())
        for net in (first, again):
            refused(net, "named_parts", replying(value))
        assert alike(first.context.log[-1].values, again.context.log[-1].values, None)
        kept.append(first.context.log[-1].values)
    for number, one in enumerate(kept):
        assert not any(alike(one, other, None) for other in kept[:number])


def test_a_gradient_is_a_dict_of_pairs() -> None:
    """In the order of the layers, whatever that of the dict, as doubles; each pair is kept for the diagnosis."""
    net = run(case())
    given = {name: tuple(part.astype(np.float32) for part in PARTS[name]) for name in reversed(PARTS)}
    found = net.named_parts(replying(given))
    assert [name for name, _ in found] == ["Linear_1", "Linear_1", "Linear_OUT", "Linear_OUT"]
    for (_, part), due in zip(found, THETA, strict=True):
        assert part.dtype == np.float64
        assert np.array_equal(part, due)
    assert [each.values for each in net.context.log] == [given["Linear_1"], given["Linear_OUT"]]


@needs_flint
def test_a_wrong_gradient_is_told_by_its_layer_and_part() -> None:
    """As a student would look at it."""
    net = run(case())
    right = [estimate.value.copy() for estimate in net.true_gradient()]
    for number, what in enumerate(f"gradient(X, T)[{name!r}][{part}]" for name in PARTS for part in (0, 1)):
        wrong = [array + (place == number) for place, array in enumerate(right)]
        value = dict(zip(PARTS, [wrong[:2], wrong[2:]], strict=True))
        found = refused(net, "judge_answer", "gradient", replying(value))
        assert (found.due["what"], found.came["what"]) == (what, what)
        assert found.came["value"] == pytest.approx(found.due["value"] + 1)


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        (Call("net", "evaluate", {"X": X, "T": T}), "net.evaluate(X, T)"),
        (Call("net", "gradient", {"X": X, "T": T}, by_position=True), "net.gradient(X, T)"),
        (Call("net", "propagate", {"X": X, "last_layer": "a"}), "net.propagate(X, last_layer='a')"),
        (Call("net", "propagate", {"X": X, "output_layers": False}, by_position=True), "net.propagate(X, False)"),
    ],
)
def test_a_call_is_written_as_a_student_would(call: Call, asked: str) -> None:
    """By name or position; and where it raises, that is what was due."""
    net = run(case())
    assert net.last(call, [Reply(1), Reply(2)]).value == 2
    assert net.asked == asked
    error = Reply(error="ValueError: no", error_kind="ValueError")
    for replies in ([error, Reply(2)], [Reply(1), error]):
        net.context.log.clear()
        found = refused(net, "last", call, replies)
        assert (found.due.kind, found.due["what"]) == ("answers", net.asked)
        assert (found.came.kind, found.came["said"], found.mistake) == ("raised", "ValueError: no", "crash")
        assert [each.values for each in net.context.log] == [("ValueError",)]


def test_methods_are_called_with_the_batch() -> None:
    """``propagate`` with the inputs alone; options as they are given."""
    net = run(case())
    assert net.call("propagate", last_layer="a") == Call("net", "propagate", {"X": X, "last_layer": "a"})
    for method in ("evaluate", "gradient"):
        assert net.call(method) == Call("net", method, {"X": X, "T": T})


@pytest.mark.parametrize(
    "net",
    [
        case(), case(own=False), case(compound=False), case(before_softmax=("relu",)),
        case(kinds=("linear", "linear"), names=("a", "b")),
        case(kinds=("linear", "relu", "relu", "linear"), names=("a", "b", "c", "d"), compound=False, own=False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", ["propagate(X)", "evaluate(X, T)", "propagate(X, output_layers=False)"])
def test_the_script_makes_the_network(net: NetCase, call: str) -> None:
    """And prints what the call answers: with the examiner's layers, or with those that were handed in."""
    asked = run(net)
    steps = [
        *net.steps(),
        Call(
            "net",
            call.partition("(")[0],
            {"X": X, **({"T": T} if "T" in call else {}), **({"output_layers": False} if "False" in call else {})},
        ),
    ]
    answer = asked.context.executor.run(steps)[-1].value
    asked.asked = f"net.{call}"
    script = asked.violation(ZEROS, ZEROS).repro
    assert script is not None
    assert printed(script, plain.CLASSES) == pytest.approx(answer)
    assert len(script.splitlines()) <= 10
    assert ("reference.lab.layers" in script) == net.own
    broken = {**plain.CLASSES, **with_methods("SoftmaxLayer", {"forward": lambda self, X: 0 * X})}
    if call == "propagate(X)":
        assert printed(script, broken).any() == net.own


def test_the_script_imports_each_class_from_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is the examiner's from there; the network is told its own number of inputs."""
    homes = {"MLP": "a", "LinearLayer": "b", "ReLULayer": "c", "SoftmaxLayer": "c"}
    monkeypatch.setattr(InProcess, "modules", lambda _: homes)
    theta = (np.ones((3, 2)), *THETA[1:])
    for own, where in (
        (False, "b import LinearLayer; from handed_in import LossCrossEntropy; from c import ReLULayer, SoftmaxLayer"),
        (True, "reference.lab.layers import LinearLayer, LossCrossEntropy, ReLULayer, SoftmaxLayer"),
    ):
        net = run(case(own=own, compound=False, widths=(3, 2, 3), X=np.ones((2, 3)), theta=theta))
        script = net.violation(ZEROS, ZEROS).repro
        assert script is not None
        assert script.splitlines()[1] == f"from a import MLP; from {where}"
        assert "MLP(3, layers" in script


def test_the_script_does_first_what_was_done_before() -> None:
    """A line before the last, where there is one."""
    net = run(case())
    net.asked, net.before = "net.propagate(X)", "X = 0 * X"
    script = net.violation(ZEROS, ZEROS, "sign").repro
    assert script is not None
    assert script.splitlines()[-2:] == ["X = 0 * X", "print(net.propagate(X))"]
    without = run(case()).violation(ZEROS, ZEROS).repro
    assert without is not None
    assert all(without.splitlines())
    assert len(without.splitlines()) == len(script.splitlines()) - 1
    assert (printed(script, plain.CLASSES)[0] == printed(script, plain.CLASSES)[1]).all()


def test_what_is_judged_may_have_a_name_of_its_own() -> None:
    """In place of the last call."""
    net = run(case())
    for what, due in (("W", "W"), (None, "net")):
        found = refused(net, "judge", replying(np.ones(2)), Estimate(np.zeros(2), np.zeros(2)), np.full(2, 0.5), what)
        assert found.due["what"] == due
        assert found.index == (0,)
        net.judge(replying(np.full(2, 0.5)), Estimate(np.zeros(2), np.zeros(2)), np.full(2, 0.5), what)


def test_parameters_that_a_call_has_changed_are_told() -> None:
    """By their names, whether they are other numbers, of another shape, or no numbers at all."""
    net = run(case())
    net_uses._check_parameters(net, [replying(array.copy()) for array in THETA])
    for number, label in enumerate(net.case.labels):
        for value in (None, "W", THETA[number] + 1, THETA[number][None]):
            replies = [replying(value if place == number else array) for place, array in enumerate(THETA)]
            with pytest.raises(Violation) as caught:
                net_uses._check_parameters(net, replies)
            found = caught.value
            assert (found.due.kind, found.due["what"], found.mistake) == ("as before the call", label, "stateful")
            assert (found.came.kind, found.came["names"]) == ("changed", (label,))


@pytest.mark.parametrize(("method", "answer"), [("evaluate", LOSSES), ("propagate", SOFTMAX), ("gradient", PARTS)])
def test_two_answers_are_the_same_but_for_rounding(method: str, answer: Any) -> None:
    """What is no answer is for other checks, but a second one to ``gradient`` that is none tells of a state."""
    net = run(case())

    def is_same(one: Any, other: Any) -> bool:
        return net_uses._is_same(net, method, replying(one), replying(other))

    def moved(by: float) -> Any:
        if method != "gradient":
            return answer + by
        return {name: [parts[0], parts[1] + by] for name, parts in answer.items()}

    assert is_same(answer, moved(0.0))
    assert is_same(answer, moved(1e-16))
    assert not is_same(answer, moved(1e-3))
    assert not is_same(moved(1e-3), answer)
    if method == "gradient":
        for other in (None, {"Linear_1": PARTS["Linear_1"]}):
            with pytest.raises(Violation) as caught:
                is_same(answer, other)
            assert caught.value.mistake == "stateful"
    else:
        for other in (None, "no", answer[:1], answer.ravel()[:, None] if method == "propagate" else answer.ravel()):
            assert is_same(answer, other)
            assert is_same(other, answer)
