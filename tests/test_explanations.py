"""How a failure is explained: which mistakes are compared, in which order, and what a method's behaviour tells."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.engine import Check
from reference.execution.in_process import InProcess
from reference.findings import Finding, NotApplicable, Violation
from reference.lab import check, diagnosis, explaining
from reference.lab.check import LabExamination
from reference.lab.checks import promises
from reference.lab.context import Context
from reference.lab.contract import Case
from reference.lab.explaining import Explainer
from reference.lab.mistakes import CATALOGUE, plain
from reference.lab.mistakes.catalogue import Mistake
from reference.lab.observations import Observation
from reference.wording import fact
from tests.test_explaining import CASE, RELU, X, context, entry, judged, mistake, off, relu

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


def compared(
    candidates: list[Mistake], method: Any, kept: dict[str, Any] | None = None, word: str | None = None
) -> list[str]:
    """Names of those that explain a wrong ReLU."""

    def run(asks: Context) -> None:
        asks.judge_each(RELU, [CASE, Case({"X": X[:1]}), Case({"X": -X})])

    asks = context(relu(method))
    with pytest.raises(Violation) as caught:
        run(asks)
    violation = caught.value if word is None else caught.value.but(mistake=word)
    return [each.name for each in diagnosis.explanations(candidates, run, asks, violation, kept or {})]


def candidates() -> list[Mistake]:
    """Wrong in one way or another for some of the cases, or right."""
    methods = {
        "sign": lambda self, X: -np.maximum(X, 0), "late": lambda self, X: np.maximum(X, 0) * (1 if X[0, 0] > 0 else 3),
        "right": lambda self, X: np.maximum(X, 0), "raises": lambda self, X: 1 / 0,
        "nearly": lambda self, X: -np.maximum(X, 0) * (1 + 1e-14),
        "far": lambda self, X: -np.maximum(X, 0) * (1 + 1e-9),
        "short": lambda self, X: -np.maximum(X, 0) if len(X) > 1 else "no",
    }  # fmt: skip
    return [mistake(f"explaining {name}", name, classes=relu(method)) for name, method in methods.items()]


def test_a_mistake_explains_what_gives_the_same_answers() -> None:
    """To all calls of the check, but for what two codings may differ."""
    assert compared(candidates(), lambda self, X: -np.maximum(X, 0)) == ["explaining sign", "explaining nearly"]
    late = relu(lambda self, X: np.maximum(X, 0) * (1 if X[0, 0] > 0 else 3))["ReLULayer"].forward
    assert compared(candidates(), late) == ["explaining late"]
    assert compared(candidates(), lambda self, X: X + 9) == []
    assert compared(candidates(), lambda self, X: -np.maximum(X, 0), word="scaled") == []


def test_who_breaks_a_promise_that_is_kept_explains_nothing() -> None:
    """Values first, then the others."""

    def passes(asks: Context) -> None:
        pass

    def fails(asks: Context) -> None:
        raise off(1, 2)

    def unknown(asks: Context) -> None:
        raise NotApplicable(fact("no oracle", said="no"))

    def negative(self: Any, X: Any) -> Any:
        return -np.maximum(X, 0)

    def not_positive(asks: Context) -> None:
        if (asks.actual(RELU, CASE)[0] > 0).any():
            raise off(1, 2)

    late, sign = candidates()[1], candidates()[0]
    assert compared([late, sign], negative, {"z.values": not_positive}) == [sign.name]
    given = candidates()[:1]
    for number, (name, run, found) in enumerate((
        ("a.values", passes, 1), ("b.values", fails, 0), ("c.types", fails, 0), ("d.types", unknown, 0),
        ("e.types", passes, 1),
    )):  # fmt: skip
        kept = {f"{number}{name}": run}
        assert len(compared(given, negative, kept)) == found


def test_what_a_mistake_keeps_is_found_out_once_for_each_kind_of_examination() -> None:
    """By its name, the check, the seed, the effort and the assignment."""
    asked: list[tuple[int, str, int]] = []

    def run(asks: Context) -> None:
        asked.append((asks.seed, asks.effort, asks.assignment))

    known = mistake("kept once", "sign", classes=relu(lambda self, X: -np.maximum(X, 0)))
    kinds = [(0, "quick", 3), (1, "quick", 3), (0, "normal", 3), (0, "quick", 2)]
    for seed, effort, assignment in [*kinds, *kinds]:
        asks = Context(InProcess({}, {}), "none", "x", seed, effort, assignment)  # type: ignore[arg-type]
        assert diagnosis._keeps(known, asks, {"a.values": run})
    assert asked == kinds
    assert diagnosis._keeps(known, asks, {"b.values": run})
    assert len(asked) == 5


def test_why_a_class_is_missing_comes_from_its_file(tmp_path: Path) -> None:
    """As a cause, by which there is a hint."""
    (tmp_path / "relu.py").write_text("class ReLULayer: pass\n")
    (tmp_path / "softmax.py").write_text("class SoftmaxLayer:\n    def (\n")
    examination = check._examination(tmp_path, effort="quick")
    missing = examination.obstacle(examination._by_id["softmax.made"])
    assert missing is not None
    assert missing.came["cause"] == "not run"


@pytest.mark.parametrize(
    ("mistake_of_values", "name", "word", "taken"),
    [
        (("sign",), "relu.forward.formula", None, True), (("sign",), "relu.forward.formula", "scaled", True),
        (("sign",), "relu.forward.formula", "extra-term", True), (("sign",), "relu.forward.formula", "leaky", False),
        (("scaled",), "relu.forward.formula", "scaled", False), ((), "relu.forward.formula", None, False),
        (("low-precision",), "relu.forward.formula", None, False),
        (("low-precision",), "softmax.delta.formula", None, False),
        (("finite-differences",), "linear.delta.formula", None, False),
        (("finite-differences",), "relu.delta.formula", None, False),
        (("finite-differences",), "softmax.delta.formula", None, True),
        (("low-precision", "sign"), "relu.forward.formula", None, True), (None, "relu.forward.formula", None, False),
    ],
)  # fmt: skip
def test_a_formula_has_the_word_of_its_answers(
    mistake_of_values: tuple[str, ...] | None, name: str, word: str | None, taken: bool
) -> None:
    """Where exact arithmetic knows no better one, and that word is of a formula and not of roundings."""
    examination = LabExamination(InProcess(plain.CLASSES, {}), "x", effort="quick", classes=plain.CLASSES)
    values = f"{name.rpartition('.')[0]}.values"
    if mistake_of_values is not None:
        first = mistake_of_values[0] if mistake_of_values else None
        examination._findings[values] = Finding(
            values, "", "failed", "", mistake=first, mistakes=mistake_of_values, hint="why"
        )
    check = examination._by_id[name]
    violation = Violation(
        entry(1), entry(2).and_("estimated", constants=(("term", "1"),)).and_("definition off"), mistake=word
    )
    found, hint = examination.explained(check, violation)
    if not taken:
        assert (found, hint) == (violation, None)
        return
    assert (found.mistake, found.mistakes, hint) == (mistake_of_values[0], mistake_of_values, "why")  # type: ignore[index]
    assert [each.kind for each in found.came.more] == ["definition off"]
    assert (found.came.kind, found.came.fields) == (violation.came.kind, violation.came.fields)


def test_a_class_that_is_missing_is_told() -> None:
    """With the reason and its cause; the checks of others are made."""
    executor = InProcess({}, {"ReLULayer": "its file ended"}, {"ReLULayer": "not run"})
    examination = LabExamination(executor, "x", effort="quick")
    found = examination.obstacle(examination._by_id["relu.forward.values"])
    assert found is not None
    assert (found.due, found.mistake) == (fact("class", cls="ReLULayer"), "missing")
    assert (found.came.kind, found.came.fields) == ("absent", {"said": "its file ended", "cause": "not run"})
    assert examination.obstacle(examination._by_id["softmax.forward.values"]) is None


def test_a_failure_of_the_explanation_is_no_failure_of_the_check() -> None:
    """What is certain stays: the violation without a mistake."""

    class Broken(Explainer):
        def explained(self, check: Any, violation: Violation, kept: Any) -> Any:
            assert set(kept) == {"relu.forward.repeatable"}
            raise KeyError("oops")

    examination = LabExamination(InProcess(plain.CLASSES, {}), "x", effort="quick")
    examination._explainer = Broken(examination.context)
    examination.context.executor.stand_ins["torch"] = None
    found, hint = examination.explained(
        examination._by_id["relu.forward.values"], Violation(fact("array"), fact("zeros"))
    )
    assert hint is None
    assert [each.kind for each in found.came.more] == ["stand-ins used"]


def observation(answer: Array) -> Observation:
    return Observation({"X": X}, (answer,), (np.full(answer.shape, 1e-15),), CASE)


def test_a_mistake_in_some_of_the_cases() -> None:
    """It is the one that explains all wrong answers, of which there are three at least and one is a number."""
    doubled = [observation(2 * np.maximum(X, 0))]
    found, hint = explaining._in_some_cases(off(1, 2), RELU, doubled)
    assert (found.mistake, found.mistakes) == ("scaled", ("scaled",))
    assert hint
    word, hint = explaining._in_some_cases(off(1, 2, mistake="batch-size-dependent"), RELU, doubled)
    assert (word.mistake, word.mistakes, hint) == ("batch-size-dependent", ("batch-size-dependent", "scaled"), None)
    for wrong in ([], [Observation({"X": X[:1, :2]}, (np.array([[2.0, 0.0]]),), (np.zeros((1, 2)),), CASE)],
                  [observation(X * np.nan)], [observation(np.cos(X) * 7 + 0.1)]):  # fmt: skip
        violation = off(1, 2)
        assert explaining._in_some_cases(violation, RELU, wrong) == (violation, None)
    row = np.array([[1.0, 2.0, 3.0]])
    three = [Observation({"X": row}, (2 * row,), (np.full((1, 3), 1e-15),), Case({"X": row}))]
    assert explaining._in_some_cases(off(1, 2), RELU, three)[0].mistake == "scaled"


def test_wrong_answers_are_told_from_right_ones() -> None:
    """Beyond the bound, or no numbers."""
    right = np.maximum(X, 0)
    given = [observation(right), observation(right + 5e-16), observation(right + 1e-14), observation(right * np.nan)]
    assert Explainer(context())._wrong(RELU, given) == given[2:]


def explained(method: Any, word: str | None = None, kind: type[Explainer] = Explainer) -> tuple[Violation, str | None]:
    asks = context(relu(method))
    run = partial(promises.check_values, message=RELU)
    with pytest.raises(Violation) as caught:
        run(asks)
    violation = caught.value if word is None else caught.value.but(mistake=word)
    return kind(asks).explained(Check("relu.forward.values", "ReLULayer.forward", "", run), violation, {})


@pytest.mark.parametrize(
    ("method", "word"),
    [
        (lambda self, X: X, "mask-missing"), (lambda self, X: np.where(X > 0, X, 0.03 * X), "leaky"),
        (lambda self, X: 3 * np.maximum(X, 0), "scaled"), (lambda self, X: np.abs(X), None),
        (lambda self, X: np.maximum(X, 0).astype(np.float32).astype(float), "low-precision"),
        (lambda self, X: np.maximum(X, 0) * np.nan, None),
    ],
)  # fmt: skip
def test_failures_are_explained(method: Any, word: str | None) -> None:
    """By a known mistake, by what is composed of them, or by how the method behaves; always with a hint."""
    found, hint = explained(method)
    if word is not None:
        assert found.mistake == word
        assert hint
    assert (found.mistake is None) == (hint is None)
    estimated = [name for each in found.came.more if each.kind == "estimated" for name, _ in each["constants"]]
    names = {"leaky": ["slope"], "scaled": ["factor"], "low-precision": ["precision"]}
    assert estimated == names.get(f"{found.mistake}", [])


class Unknowing(Explainer):
    """Knows no mistake."""

    def _known(self, *_: Any) -> None:
        return None


def by_chance(self: Any, X: Any) -> Any:
    return np.maximum(X, 0) + np.random.default_rng().random(X.shape)


def of_the_last(self: Any, X: Any) -> Any:
    last = (np.arange(len(X)) == len(X) - 1)[:, None] & (len(X) > 1)
    return np.maximum(X, 0) + 1.5 * last * np.cos(7 * X)


@pytest.mark.parametrize(
    ("method", "given", "word"),
    [
        (by_chance, None, "nondeterministic"), (of_the_last, None, "last-sample-wrong"),
        (of_the_last, "leaky", "leaky"),
        (by_chance, "leaky", "nondeterministic"), *((by_chance, word, word) for word in (
            "timeout", "memory", "missing", "mutates-input", "aliases-input", "exits")),
        (of_the_last, "stateful", "stateful"),
    ],
)  # fmt: skip
def test_a_failure_is_explained_by_how_the_method_behaves(method: Any, given: str | None, word: str) -> None:
    """Where no known mistake is it, and the check has seen nothing that says more."""
    found, hint = explained(method, given, Unknowing)
    assert found.mistake == word
    assert (hint is not None) == (word != given)


def test_the_catalogue_comes_before_what_is_composed() -> None:
    """What explained another check of the method comes first; of networks nothing is composed."""
    known = mistake("before", "sign")
    asks = context(log=judged(2 * np.maximum(X, 0)))
    violation = off(1, 2, asked=(RELU, CASE))
    given = explaining._candidates("ReLULayer.forward", asks, violation, [known], 1)
    assert next(given) == [known]
    of_method = [each for each in CATALOGUE if each.subject == "ReLULayer.forward"]
    assert next(given) == of_method
    assert {each.word for each in next(given)} == {"scaled"}
    assert list(given) == []
    again = list(explaining._candidates("ReLULayer.forward", asks, violation, of_method[:1], 1))
    assert again[1] == of_method[1:]
    right = context(log=judged(np.maximum(X, 0)))
    assert list(explaining._candidates("ReLULayer.forward", right, violation, [], 1)) == [[]]
    with_word = explaining._candidates("ReLULayer.forward", right, violation.but(mistake="leaky"), [], 1)
    assert len(list(with_word)) == 3
    nothing = Violation(fact("array"), fact("zeros"), asked=(RELU, CASE))
    assert len(list(explaining._candidates("ReLULayer.forward", asks, nothing, [], 1))) == 2
    update = list(explaining._candidates("LinearLayer.update_params", context(), off(1, 2), [], 1))
    assert len(update) == 3
    assert update[2]
    assert len(list(explaining._candidates("MLP.gradient", context(), off(1, 2), [], 2))) == 4
    assert len(list(explaining._candidates("MLP.gradient", context(), off(1, 2), [], 1))) == 3


def test_an_update_has_a_factor_that_the_violation_shows() -> None:
    """Where a sum was due and a number came."""
    shown = Violation(fact("sum", what="W", index=(0, 0), old=1.0, step=2.0, value=3.0), entry(1.5))
    names = [each.name for each in explaining._updated(shown)]
    assert any("added 1 / 4 times" in name for name in names)
    assert any("moved by 0.5 at most" in name for name in names)
    assert any("added to -0.5 times the old" in name for name in names)
    for other in (off(3, 1.5), Violation(shown.due, fact("zeros"))):
        assert len(explaining._updated(other)) == 99


def test_two_wrong_choices_are_looked_for_in_numbers_alone() -> None:
    """Of which the check has no word."""
    for violation, some in (
        (off(1, 2), True),
        (off(1, 2, mistake="sign"), False),
        (Violation(entry(1), fact("zeros")), False),
    ):
        assert bool(explaining._wired("MLP.gradient", 2, violation, context())) is some
        assert explaining._wired("MLP.gradient", 1, violation, context())


def in_single(self: Any, X: Any) -> Any:
    return np.maximum(X, 0).astype(np.float32).astype(float)


def nearly(explainer: Explainer, violation: Violation) -> str | None:
    """The word for answers of fewer digits, with what is told of them."""
    found = explainer._nearly("ReLULayer.forward", violation)
    if found is None:
        return None
    told, hint = found
    assert hint
    (estimated,) = [each["constants"] for each in told.came.more if each.kind == "estimated"]
    return f"{told.mistake}: {estimated}"


def test_fewer_digits_are_told_by_all_checks_of_a_method() -> None:
    """Once they are known; not of what is no number, is farther off, or has been explained already."""
    asks = context(relu(in_single))
    with pytest.raises(Violation) as caught:
        asks.judge_each(RELU, [CASE, Case({"X": np.cos(np.arange(60.0)).reshape(6, 10)})])
    violation, explainer = caught.value, Explainer(asks)
    single = "low-precision: (('precision', 'float32'),)"
    assert nearly(explainer, violation.but(asked=None)) is None
    assert nearly(explainer, violation.but(came=fact("zeros"))) is None
    assert nearly(explainer, violation.but(mistake="batch-size-dependent")) is None
    explainer._found["ReLULayer.forward"] = {mistake("before", "sign"): None}
    assert nearly(explainer, violation) is None
    explainer._found["ReLULayer.forward"] = {}
    assert nearly(explainer, violation) == single
    asks.log.clear()
    for again in (violation, violation.but(mistake="batch-size-dependent")):
        assert nearly(explainer, again) == single
    far = violation.but(mistake="batch-size-dependent", due=entry(1.0), came=entry(2.0))
    assert nearly(explainer, far) is None
    explainer._behaviour["ReLULayer.forward"] = ("finite-differences", "1e-06", "step")
    assert nearly(explainer, violation) == "finite-differences: (('step', '1e-06'),)"


def test_a_step_is_not_looked_for_before_known_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """That takes longer; whether inputs are in single precision is told."""
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(explaining.behaviour, "by_errors", lambda *_, **options: heard.append(options))
    for due in (entry(0.1), entry(0.1).and_("inputs in single", names=("X",))):
        assert Explainer(context())._nearly("ReLULayer.forward", Violation(due, entry(0.2), asked=(RELU, CASE))) is None
    assert heard == [{"differences": False, "single": False}, {"differences": False, "single": True}]


def test_few_answers_tell_fewer_digits_where_inputs_are_in_single() -> None:
    """Since the check has seen that it is right in double precision."""
    small = Case({"X": np.array([[0.1, 0.7, 0.3]])})
    for due, word in ((entry(0.1).and_("inputs in single", names=("X",)), "low-precision"), (entry(0.1), None)):
        asks = context(relu(in_single))
        with pytest.raises(Violation) as caught:
            asks.judge_each(RELU, [small])
        found = nearly(Explainer(asks), caught.value.but(due=due))
        assert (found and found.partition(":")[0]) == word
