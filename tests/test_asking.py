"""How one method is asked and judged: the calls, what of several violations is told, what is noted of answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call, Laid, Reply
from reference.findings import Violation
from reference.lab.cases import Case, Sizes
from reference.lab.context import MOST_SHOWN, ORDINARY, ORDINARY_SIZES, Context, Response, entry, wrong_entry
from reference.lab.contract import MESSAGES, Expected, Message
from reference.lab.formatting import sizes_of
from reference.lab.mistakes import plain
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.examining import with_methods

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
OF = {message.subject: message for message in MESSAGES}
RELU, DELTA, GRAD = OF["ReLULayer.forward"], OF["ReLULayer.delta"], OF["LinearLayer.grad"]
LOSS = OF["LossCrossEntropy.delta"]


class Known(Context):
    """A context in which the truth is what the textbook's classes answer, and rounding is 1e-12."""

    def answer(self, message: Message, case: Case) -> Expected:
        parts = Context(InProcess(plain.CLASSES, {}), "none", "x").actual(message, case)
        truth = tuple(Estimate(part, np.full(part.shape, 1e-13)) for part in parts)
        return Expected(truth, tuple(np.full(part.shape, 1e-12) for part in parts))


def context(classes: Any = plain.CLASSES, **fields: Any) -> Known:
    return Known(InProcess(classes, {}), "none", "handed_in", **fields)


def relu(forward: Any) -> Known:
    return context(with_methods("ReLULayer", {"forward": forward}))


def drawn(message: Message, seed: int = 0, sizes: Sizes = ORDINARY) -> Case:
    rng = np.random.RandomState(seed)
    return message.draw(sizes, lambda shape: rng.randn(*shape))


def replied(value: Any, **fields: Any) -> Reply:
    return Reply(value, type(value).__name__, **fields)


def refused(asks: Context, method: str, *args: Any) -> Violation:
    with pytest.raises(Violation) as caught:
        list(getattr(asks, method)(*args) or ())
    return caught.value


@pytest.mark.parametrize("primed", [False, True])
def test_a_method_is_called_on_a_new_object(primed: bool) -> None:
    """In the memory layout that is asked for; right after forward if it is to be so."""
    for message in (RELU, DELTA, LOSS, GRAD):
        case = drawn(message)
        asks = context(primed=primed)
        steps = asks.steps(message, case, "Fortran")
        setting = message.setting(case)
        assert [type(each) for each in steps[: len(setting)]] == [type(each) for each in setting]
        *forward, last = steps[len(setting) :]
        assert isinstance(last, Call)
        assert (last.name, last.method, last.by_position) == ("layer", message.method, False)
        assert list(last.arguments) == list(message.arguments)
        for name, laid in last.arguments.items():
            assert isinstance(laid, Laid)
            assert laid.array is case.arguments[name]
            assert laid.layout == "Fortran"
        assert len(forward) == (primed and message.method != "forward")
        for each in forward:
            assert isinstance(each, Call)
            assert (each.name, each.method) == ("layer", "forward")
            inputs = case.arguments["X"] if case.origin is None else case.origin
            assert each.arguments["X"] is inputs
            assert set(each.arguments) == ({"X", "T"} if "T" in case.arguments else {"X"})
            assert each.arguments.get("T") is case.arguments.get("T")
        plainly = asks.steps(message, case)[-1].arguments  # type: ignore[union-attr]
        assert all(plainly[name] is case.arguments[name] for name in message.arguments)


def test_an_error_of_any_step_is_told() -> None:
    """With the shapes that were asked, or the names that the method should take; its kind is noted."""
    case = drawn(DELTA)
    error = Reply(error="ValueError: no", error_kind="ValueError", cause="shapes")
    for replies in ([error, Reply()], [Reply(), error]):
        asks = context()
        found = refused(asks, "_last", DELTA, case, replies)
        assert (found.due.kind, found.mistake) == ("answers shapes", "crash")
        assert found.due.fields == {"subject": "ReLULayer.delta", "shapes": (("Y", (3, 4)), ("delta_next", (3, 4)))}
        assert (found.came.kind, found.came["said"]) == ("raised", "ValueError: no")
        assert asks.log == [Response(("ValueError",))]
        assert found.asked == (DELTA, case)
    names = Reply(error="TypeError: no", error_kind="TypeError", cause="arguments")
    found = refused(context(), "_last", DELTA, case, [names])
    assert (found.due.kind, found.due.fields) == ("takes", {"subject": "ReLULayer.delta", "names": ("Y", "delta_next")})
    assert context()._last(DELTA, case, [Reply(1), Reply(2)]).value == 2


def test_a_large_case_is_shown_by_its_sizes() -> None:
    """From so many numbers on that nobody reads them; then there is no script."""
    for n, shown in ((MOST_SHOWN // 4, True), (MOST_SHOWN // 4 + 1, False)):
        case = drawn(RELU, 0, Sizes(n, 4, 4))
        found = context().violation(RELU, case, fact("array"), fact("zeros"), "sign", index=(0,))
        assert (found.mistake, found.index, found.asked) == ("sign", (0,), (RELU, case))
        assert (found.repro is not None) == shown
        assert found.counterexample == ({"X": case.arguments["X"].tolist()} if shown else sizes_of(case))
    case = drawn(GRAD, 0, Sizes(2, 64, 64))
    assert context().violation(GRAD, case, fact("array"), fact("zeros")).repro is None


@pytest.mark.parametrize(
    ("value", "due", "came", "word"),
    [
        (None, ("parts", {"names": ("dW", "db")}), {"name": "None"}, "not-implemented"),
        (np.ones((2, 4)), ("parts", {"names": ("dW", "db")}), {"name": "ndarray"}, "wrong-type"),
        ([np.ones((2, 4))], ("parts", {"names": ("dW", "db")}), {"name": "list"}, "wrong-type"),
        ((1, 2, 3), ("parts", {"names": ("dW", "db")}), {"name": "tuple of 3"}, "wrong-type"),
        ({1: 2}, ("parts", {"names": ("dW", "db")}), {"name": "dict"}, "wrong-type"),
        ([None, np.ones(4)], ("numbers", {"what": "dW"}), {"name": "None"}, "wrong-type"),
        ([np.ones((2, 4)), "no"], ("numbers", {"what": "db"}), {"name": "str"}, "wrong-type"),
        ([np.ones((2, 4)), 1j * np.ones(4)], ("numbers", {"what": "db"}), {"name": "array of dtype complex128"},
         "wrong-dtype"),
        ([np.ones((2, 4)), np.ones(3)], ("shape of", {"what": "db", "shape": (4,)}), {"shape": (3,)}, "wrong-shape"),
        ([np.ones((3, 3)), np.ones(4)], ("shape of", {"what": "dW", "shape": (2, 4)}),
        {"shape": (3, 3)}, "wrong-shape"),
    ],
)  # fmt: skip
def test_an_answer_of_two_parts_that_is_none_is_told(value: Any, due: Any, came: dict[str, Any], word: str) -> None:
    """By what was due of which part, and it is noted as it came."""
    asks, case = context(), drawn(GRAD)
    found = refused(asks, "parts", GRAD, case, replied(value))
    assert (found.due.kind, found.due.fields) == due
    assert came.items() <= found.came.fields.items()
    assert found.mistake == word
    assert found.asked == (GRAD, case)
    (noted,) = asks.log
    assert noted.values == (value,)
    assert (noted.bounds, noted.message, noted.case) == (None, None, None)


def test_answers_are_brought_into_doubles_and_shapes() -> None:
    """Transposed, flat, or one number for all; they are noted with their case, and without bounds."""
    asks, case = context(), drawn(GRAD)
    dW, db = np.arange(8.0).reshape(2, 4), np.arange(4.0)
    for value in ([dW, db], (dW.T, db[None]), [dW.ravel().astype(np.float32), db.astype(int)]):
        asks.log.clear()
        parts = asks.noted(GRAD, case, replied(value))
        assert [part.dtype for part in parts] == [np.float64] * 2
        assert [part.tolist() for part in parts] == [dW.tolist(), db.tolist()]
        (noted,) = asks.log
        assert (noted.values, noted.bounds, noted.message, noted.case) == (parts, None, GRAD, case)
    (one,) = asks.parts(RELU, drawn(RELU), replied(3))
    assert (one == 3).all()
    assert one.shape == (3, 4)
    found = refused(asks, "parts", RELU, drawn(RELU), replied([1.0] * 12))
    assert (found.due.kind, found.due["what"], found.mistake) == ("numbers", "Y", "wrong-type")
    assert refused(asks, "parts", RELU, drawn(RELU), replied(None)).mistake == "not-implemented"


def test_several_cases_are_asked_at_once() -> None:
    """Each has its answer, in order."""
    asks = context()
    cases = [drawn(RELU, seed) for seed in range(3)]
    found = list(asks.actual_of_each(RELU, cases))
    for (part,), case in zip(found, cases, strict=True):
        assert np.array_equal(part, np.maximum(case.arguments["X"], 0))
    failing = relu(lambda self, X: X if X[0, 0] > 1.7 else None)
    assert refused(failing, "actual_of_each", RELU, cases).asked == (RELU, cases[1])


def test_the_truth_is_found_out_while_answers_are_awaited() -> None:
    """Of each case once, where who runs the code has time for it."""
    known: list[Case] = []

    class Noting(Known):
        def answer(self, message: Message, case: Case) -> Expected:
            assert message is RELU
            known.append(case)
            return super().answer(message, case)

    class Waiting(InProcess):
        def run_all(self, requests: Any, meanwhile: Any = ()) -> Any:
            for steps, work in zip(requests, meanwhile, strict=True):
                before = len(known)
                work()
                assert len(known) == before + 1
                yield self.run(steps)

    cases = [drawn(RELU, seed) for seed in range(2)]
    asks = Noting(Waiting(plain.CLASSES, {}), "none", "handed_in")
    assert list(asks.violations(RELU, cases)) == [None, None]
    assert [each.key for each in known[::2]] == [each.key for each in cases]


def test_a_wrong_answer_is_told_with_its_case() -> None:
    """And noted with the bounds; all parts are judged."""
    asks, case = context(), drawn(GRAD)
    dW, db = asks.actual(GRAD, case)
    asks.log.clear()
    for name, wrong, index in (("dW", (dW + np.eye(2, 4)[::-1], db), (0, 1)), ("db", (dW, db - np.eye(4)[2]), (2,))):
        found = refused(asks, "judge", GRAD, case, wrong)
        assert (found.due["what"], found.came["what"], found.index) == (name, name, index)
        assert (found.asked, found.mistake) == ((GRAD, case), None)
        assert found.repro is not None
        noted = asks.log.pop()
        assert (noted.message, noted.case) == (GRAD, case)
        assert [part.tolist() for part in noted.values] == [part.tolist() for part in wrong]
        assert noted.bounds is not None
        assert [bound.shape for bound in noted.bounds] == [(2, 4), (4,)]
    asks.judge(GRAD, case, (dW + 5e-13, db))
    assert len(asks.log) == 1


@pytest.mark.parametrize(("off", "is_wrong"), [(1.0, False), (1.2, True), (-1.2, True), (np.nan, True)])
def test_the_worst_entry_is_a_violation(off: float, is_wrong: bool) -> None:
    """Beyond the bound and the oracle's own error together; with a picture of all entries."""
    truth = Estimate(np.array([1.0, 2.0]), np.array([0.25, 0.5]))
    actual, bound = np.array([1.0, 2.0 + off]), np.array([0.75, 0.5])
    found = wrong_entry("Y", actual, truth, bound)
    assert (found is not None) == is_wrong
    if found is not None:
        assert found.due == fact("entry", what="Y", index=(1,), value=2.0).and_("allowed", error=1.0)
        assert found.came == entry("Y", (1,), actual)
        assert found.came.fields["what"] == "Y"
        assert (found.index, found.bound, found.mistake) == ((1,), 1.0, None)
        assert found.evidence is not None
        assert (found.evidence.name, found.evidence.expected, found.evidence.allowed) == ("Y", [1.0, 2.0], [1.0, 1.0])


def small_and_large(change: Any) -> tuple[Known, list[Case]]:
    return relu(lambda self, X: np.maximum(X, 0) + change(X)), [
        drawn(RELU, 1, Sizes(3, 2, 2)), drawn(RELU, 2, Sizes(1, 2, 2)), drawn(RELU, 3, Sizes(2, 2, 2)),
        drawn(RELU, 4, Sizes(1, 2, 2)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda X: 1, 1), (lambda X: len(X) > 1, 2), (lambda X: len(X) > 2, 0), (lambda X: 1e9 if len(X) > 2 else 1, 1),
        (lambda X: 1.0 if len(X) > 2 else 1e-11, 0), (lambda X: np.nan if len(X) > 2 else 1.0, 0),
        (lambda X: np.nan if len(X) > 1 else 1.0, 2),
    ],
)  # fmt: skip
def test_of_several_violations_the_smallest_of_the_grossest_is_told(change: Any, told: int) -> None:
    """What is off in the last digits alone is not told for what is off in the first ones."""
    asks, cases = small_and_large(change)
    found = refused(asks, "judge_each", RELU, cases)
    assert found.asked == (RELU, cases[told])


def test_the_picture_is_that_of_the_largest_case() -> None:
    """With the trend over all cases, where there are logits."""
    asks, cases = small_and_large(lambda X: 1)
    found = refused(asks, "judge_each", RELU, iter(cases))
    assert found.evidence is not None
    assert np.shape(found.evidence.actual) == (3, 2)
    assert found.evidence.trend == ()
    softmax = OF["SoftmaxLayer.forward"]
    wrong = context(with_methods("SoftmaxLayer", {"forward": lambda self, X: plain.softmax(X) + (len(X) > 1)}))
    logits = [Case({"X": np.full((n, 2), float(n))}) for n in (1, 2, 1)]
    for _ in range(2):
        found = refused(wrong, "judge_each", softmax, logits)
        assert found.evidence is not None
        assert [point[0] for point in found.evidence.trend] == [1.0, 2.0, 1.0]
        assert [point[1] for point in found.evidence.trend] == [0.0, 1.0, 0.0]
    asks.judge_each(RELU, [])
    context().judge_each(RELU, cases)


def test_violations_come_case_by_case() -> None:
    """In the layouts that are asked for; None where the answer is right."""
    layouts: list[Any] = []

    def forward(self: Any, X: Any) -> Any:
        layouts.append(X.flags.c_contiguous)
        return np.maximum(X, 0) + (len(X) == 2)

    asks, cases = relu(forward), [drawn(RELU, n, Sizes(n, 2, 3)) for n in (2, 3)]
    one, other = asks.violations(RELU, cases, ["Fortran", "C"])
    assert one is not None
    assert (one.asked, other) == ((RELU, cases[0]), None)
    assert layouts == [False, True]
    layouts.clear()
    assert [each is None for each in asks.violations(RELU, cases[::-1])] == [True, False]
    assert layouts == [True, True]


def test_whether_a_case_is_answered_rightly() -> None:
    """By an object of its own, and nothing is noted of it."""
    for change, right in ((0.0, True), (1.0, False)):
        asks = relu(lambda self, X, change=change: np.maximum(X, 0) + change)
        assert asks.is_right(RELU, drawn(RELU)) is right
        assert asks.log == []
    assert not relu(lambda self, X: "no").is_right(RELU, drawn(RELU))


class Masked(plain.ReLULayer):
    """Its delta needs forward before."""

    def forward(self, X: Any) -> Any:
        self.mask = X > 0
        return X * self.mask

    def delta(self, Y: Any, delta_next: Any) -> Any:
        return delta_next * self.mask


def test_what_is_answered_after_forward() -> None:
    """None where it is right, the arrays where they are wrong, a violation where none came; nothing is noted."""
    case = drawn(DELTA)
    asks = context({**plain.CLASSES, "ReLULayer": Masked})
    assert asks.after_forward(DELTA, case) is None
    assert isinstance(asks._violation(DELTA, case, asks.executor.run(asks.steps(DELTA, case))), Violation)
    twice = context(with_methods("ReLULayer", {"delta": lambda self, Y, delta_next: 2 * delta_next * (Y > 0)}))
    found = twice.after_forward(DELTA, case)
    assert isinstance(found, tuple)
    assert np.array_equal(found[0], 2 * case.arguments["delta_next"] * (case.arguments["Y"] > 0))
    failing = context(with_methods("ReLULayer", {"delta": lambda self, Y, delta_next: "no"}))
    assert isinstance(failing.after_forward(DELTA, case), Violation)
    assert twice.log == []


def test_the_smallest_case_is_looked_for() -> None:
    """With short numbers first, then others; like the violation that is given, if it is."""
    always = relu(lambda self, X: np.maximum(X, 0) + 1)
    found = always.smallest(RELU, "key")
    assert found is not None
    assert np.shape(found.counterexample["X"]) == (1, 2)
    assert all(8 * x == int(8 * x) for x in np.ravel(found.counterexample["X"]))
    assert context().smallest(RELU, "key") is None
    gross, slight = fact("entry", what="Y", index=(0,), value=1.0), fact("entry", what="Y", index=(0,), value=2.0)
    like = Violation(gross, slight, bound=1e-12, mistake="sign")
    assert always.smallest(RELU, "key", like) is None
    assert always.smallest(RELU, "key", Violation(gross, slight, bound=1e-12)) is not None


def test_cases_are_ordinary() -> None:
    """Short numbers of each size once, then normal ones and those of all sizes as often as the effort says."""
    for effort in ("quick", "normal"):
        asks = context(effort=effort)
        cases = list(asks.ordinary_cases(RELU, "key"))
        sizes = [(size.n, size.u) for size in ORDINARY_SIZES]
        assert [case.arguments["X"].shape for case in cases] == [
            *sizes, *([size for size in sizes for _ in range(2)] * tolerances.ROUNDS[effort]),
        ]  # fmt: skip
        assert all((8 * case.arguments["X"] % 1 == 0).all() for case in cases[:4])
        normal, wide = cases[4::2], cases[5::2]
        assert all(np.abs(case.arguments["X"]).max() < 5 for case in normal)
        assert np.median([np.log10(np.ptp(np.log10(np.abs(case.arguments["X"])))) for case in wide]) > 0.7
        assert asks.rounds == tolerances.ROUNDS[effort]
