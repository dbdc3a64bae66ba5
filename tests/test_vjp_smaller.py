"""The counterexample of a wrong gradient: few numbers, a script that shows it, and a picture of the larger case."""

from __future__ import annotations

import contextlib
import io
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference import check_vjp
from reference.engine import Check
from reference.findings import Finding, Violation
from reference.gradients import rigorous, smaller, values
from reference.gradients.arguments import pattern
from reference.gradients.context import Context
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject
from reference.numerics.oracles import ball, torch_autograd
from reference.wording import fact
from tests.gradients import cross_entropy, cross_entropy_vjp, softmax, softmax_vjp

pytestmark = pytest.mark.catalogue


def tanh_without_the_square(delta: Any, X: Any) -> Any:
    return (delta * (1 - np.tanh(X)),)


def failure(forward: Any, vjp: Any, *args: Any, **options: Any) -> Finding:
    return next(each for each in check_vjp(forward, vjp, *args, **options) if each.status == "failed")


def entries(finding: Finding) -> int:
    return sum(np.size(array) for array in finding.counterexample.values())


def test_readmes_tanh_is_shown_on_one_number() -> None:
    """Given 20, of which 40 with the cotangent would be told; the picture is of all 20."""
    found = failure(np.tanh, tanh_without_the_square, np.linspace(-2, 2, 20).reshape(5, 4))
    assert entries(found) == 2
    assert found.evidence is not None
    assert np.shape(found.evidence.actual) == (5, 4)
    assert found.repro is not None
    assert found.repro.startswith("import numpy as np\nfrom tests.test_vjp_smaller import tanh_without_the_square\n")


def test_script_shows_what_the_finding_says() -> None:
    """The entry that is wrong, as it came."""
    found = failure(np.tanh, tanh_without_the_square, np.linspace(-2, 2, 20).reshape(5, 4))
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(found.repro or "", "script", "exec"), {"__name__": "script"})  # noqa: S102
    assert found.came is not None
    assert repr(found.came["value"])[:8] in said.getvalue()


def test_labels_stay_places_of_classes() -> None:
    """Where the axis of the classes is shortened, so are they."""
    X, labels = np.random.RandomState(0).randn(6, 5), np.array([0, 4, 2, 3, 1, 4])
    right = check_vjp(cross_entropy, cross_entropy_vjp, X, labels)
    assert right.ok
    found = failure(cross_entropy, lambda c, x, t: (1.5 * cross_entropy_vjp(c, x, t)[0], None), X, labels)
    assert found.mistake == "scaled"
    assert entries(found) < 12
    shown = np.array(found.counterexample["args[0]"])
    assert max(found.counterexample["args[1]"]) < shown.shape[1]


def test_a_counterexample_fails_in_the_same_way() -> None:
    """Softmax over the wrong axis is right for a single row or column: such arrays show nothing, and are not told."""
    found = failure(softmax, lambda c, x: (softmax_vjp(c.T, x.T)[0].T,), np.random.RandomState(0).randn(5, 4))
    shown = np.array(found.counterexample["args[0]"])
    assert min(shown.shape) > 1 or shown.shape[0] > 1
    assert shown.size <= 20


def test_functions_of_one_size_keep_their_counterexample() -> None:
    """Smaller arrays that the functions cannot do with are not told."""
    weights = np.arange(1.0, 21.0).reshape(5, 4)

    def weighed(X: Any) -> Any:
        if X.shape != weights.shape:
            raise ValueError("made for 5 x 4")
        return weights * X

    found = failure(weighed, lambda c, X: (c * weights.T.reshape(5, 4),), np.ones((5, 4)) / 4)
    assert np.shape(found.counterexample["args[0]"]) == (5, 4)


def test_no_script_for_what_one_call_does_not_show() -> None:
    """Neither another memory layout nor a state."""
    seen: list[Any] = []

    def counting(c: Any, X: Any) -> Any:
        seen.append(1)
        return (c * len(seen),)

    found = check_vjp(lambda X: 1 * X, counting, np.ones((2, 3)), only="vjp.gradient.no_state")
    assert found[-1].status == "failed"
    assert found[-1].repro is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scripts_make_arrays_of_the_given_precision(dtype: Any) -> None:
    """Or they would show something else."""
    found = failure(lambda X: 2 * X, lambda c, X: (3 * c,), np.ones((3, 2), dtype))
    assert found.repro is not None
    assert ("dtype=np.float32" in found.repro) == (dtype is np.float32)


@pytest.mark.parametrize(
    ("shapes", "due"),
    [
        ([(5, 4), (4,)], [[(1, 1), (1,)], [(2, 1), (1,)], [(2, 2), (2,)], [(3, 2), (2,)]]),
        ([(3,)], [[(1,)], [(2,)]]), ([(2, 1), ()], [[(1, 1), ()]]), ([(1, 1)], []),
        ([(3,), (0, 3)], [[(1,), (0, 1)], [(2,), (0, 2)]]),
    ],
)  # fmt: skip
def test_axes_of_one_length_are_shortened_together(shapes: Any, due: Any) -> None:
    """To one entry, to two, or to different lengths; each plan is tried once, and none that leaves all as it is."""
    given = pattern([np.ones(shape) for shape in shapes], [(0.0, None)] * len(shapes), fixed=range(1, len(shapes)))
    found = list(smaller._smaller_patterns(given))
    assert [[array.shape for array in each.args] for each in found] == due
    assert all((each.domain, each.fixed) == (given.domain, given.fixed) for each in found)


@pytest.mark.parametrize(
    ("array", "interval", "due"),
    [
        ([0.3, -1.7, 9.0], (-np.inf, np.inf), [0.25, -1.75]), ([0.01, 0.0, 9.0], (-np.inf, np.inf), [0.01, 0.0]),
        ([0.97, 0.1, 9.0], (0.0, 1.0), [0.97, 0.125]), ([0.97, 1.04, 9.0], (-np.inf, 1.0), [0.97, 1.04]),
        ([0.4, 0.6, 9.0], (0.375, np.inf), [0.4, 0.625]),
    ],
)  # fmt: skip
def test_shorter_arrays_have_short_numbers(array: Any, interval: Any, due: Any) -> None:
    """Unless these are 0 where the given ones are not, or outside the domain."""
    for dtype in (np.float64, np.float32):
        found = smaller._shortened(np.array(array, dtype), {3: 2}, interval)
        assert found.dtype == dtype
        assert found.tolist() == np.array(due, dtype).tolist()


@pytest.mark.parametrize(
    ("labels", "plan", "due"),
    [
        ([0, 4, 2], {3: 2, 5: 2}, [0, 0]), ([0, 3, 9], {3: 2, 10: 3}, [0, 0]), ([1, 2, 2], {3: 2, 9: 1}, [1, 0]),
        ([7, 8, 2], {3: 2, 5: 2}, [7, 8]), ([0, 5, 2], {3: 2, 5: 2}, [0, 5]),
        ([1, 2, 2], {3: 1}, [0]), ([-1, 2, 2], {3: 2, 5: 2}, [-1, 2]), ([], {0: 0, 5: 2}, []),
    ],
)  # fmt: skip
def test_whole_numbers_are_places_of_the_shortest_axis_that_they_fit_in(labels: Any, plan: Any, due: Any) -> None:
    """They stay as they are where they are none."""
    assert smaller._shortened(np.array(labels, int), plan, (-np.inf, np.inf)).tolist() == due


def test_two_failures_are_one_if_they_fail_in_the_same_way() -> None:
    """By the mistake, what was due of what, and what came, with the exception if there is one."""

    def violation(mistake: str | None = "sign", what: str = "gradient[0]", error: str | None = None) -> Violation:
        came = fact("number", value=1.0) if error is None else fact("raised", error=error, said="no")
        return Violation(fact("slope along direction", what=what, value=1.0), came, mistake=mistake)

    ways = [smaller._way(each) for each in (violation(), violation(None), violation(what="gradient[1]"),
                                            violation(error="ValueError"), violation(error="TypeError"))]  # fmt: skip
    assert len(set(ways)) == len(ways)
    assert smaller._way(violation()) == smaller._way(violation())


def test_what_the_caller_says_is_legal_holds_for_smaller_arrays() -> None:
    """A predicate that cannot do with them says no."""

    def first_two(x: Any) -> bool:
        return bool(x[1] > 0)

    ones = np.ones(3)
    assert smaller._is_legal(pattern([ones], None, legal=first_two))
    for found, is_legal in zip(
        smaller._smaller_patterns(pattern([ones], None, legal=first_two)), (False, True), strict=True
    ):
        assert smaller._is_legal(found) is is_legal


def failed_in(context: Context, number: int = 0) -> tuple[Check, Violation]:
    run = values.check_gradient_consistent if context.spec is None else values.check_gradient_values
    check = Check(f"vjp.gradient[{number}].values", "vjp", "", partial(run, number=number))
    with pytest.raises(Violation) as caught:
        check.run(context)
    return check, caught.value


def context_of(vjp: Any, *args: Any, spec: Any = None, **more: Any) -> Context:
    given = pattern(args, None, **more)
    return Context(Subject(np.tanh, vjp, given), None if spec is None else Specification(spec, given), 0, "quick")


@pytest.mark.parametrize("spec", [None, np.tanh])
def test_a_smaller_case_fails_in_the_same_way(spec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the definition, where there is one; one that fails otherwise, or not at all, is none."""
    for module in (rigorous, ball, torch_autograd):
        monkeypatch.setattr(module, "available", lambda: "not needed here")
    x = np.linspace(-2, 2, 5)
    with np.errstate(all="ignore"):
        context = context_of(tanh_without_the_square, x, spec=spec)
        found = smaller.smaller(context, *failed_in(context))
        assert found is not None
        assert np.shape((found.counterexample or {})["args[0]"]) == (1,)
        check, violation = failed_in(context)
        assert smaller.smaller(context, check, violation.but(mistake="crash")) is None

        def only_wide(c: Any, x: Any) -> Any:
            return (c * (1 - np.tanh(x) ** (1 if x.size > 4 else 2)),)

        right = context_of(only_wide, x, spec=spec)
        assert smaller.smaller(right, *failed_in(right)) is None


def test_nothing_smaller_is_looked_for_where_it_would_not_be_legal_or_read_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of few numbers, of many, and of what the caller draws."""
    violation = Violation(fact("slope along direction", what="gradient[0]", value=1.0), fact("number", value=2.0))
    monkeypatch.setattr(smaller, "_same_failure", lambda *_: violation)
    check = Check("vjp.gradient[0].values", "vjp", "", lambda _: None)
    ones = np.ones(6)
    for context, is_found in (
        (context_of(tanh_without_the_square, ones), True),
        (context_of(tanh_without_the_square, ones[:4]), False),
        (context_of(tanh_without_the_square, np.ones(5001)), False),
        (context_of(tanh_without_the_square, ones, draw=lambda rng: rng.rand(6)), False),
    ):
        assert (smaller.smaller(context, check, violation) is not None) is is_found


class Small:
    """Takes the place of a context of smaller arrays, and notes what it is made with and asked."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.asked: list[Any] = []
        self.cases = [SimpleNamespace(kind="first"), SimpleNamespace(kind="second")]

    def __call__(self, *made: Any, **named: Any) -> Small:
        self.made, self.named = made, named
        return self

    def step(self, name: str, *of: Any) -> None:
        self.asked.append((name, *of))
        if name == self.fails:
            raise (ValueError if name.isupper() else WAY)

    def output(self, case: Any) -> None:
        self.step("output", case.kind)

    def cotangents(self, case: Any) -> list[str]:
        return [f"of {case.kind}", "another"]

    def gradients(self, case: Any, cotangent: str) -> None:
        self.step("gradients", case.kind, cotangent)


WAY = Violation(fact("slope along direction", what="gradient[0]", value=1.0), fact("number", value=2.0), mistake="sign")


@pytest.mark.parametrize(
    ("name", "asks"),
    [
        ("vjp.gradient[0].values", True), ("vjp.gradient.linear", True), ("vjp.gradient.answers", False),
        ("vjp.forward.values", False), ("vjp.gradient[1].answers", False),
    ],
)  # fmt: skip
def test_smaller_arrays_are_answered_before_the_check_is_made(name: str, asks: bool, monkeypatch: Any) -> None:
    """By the forward pass, and for what is said of numbers by the gradient, at the smaller arrays themselves."""
    x = np.linspace(-2, 2, 5)
    context = Context(
        Subject(np.tanh, tanh_without_the_square, pattern((x,), None)), None, 7, "normal", owns=True,
        constant=frozenset({3}),
    )  # fmt: skip
    fewer = pattern((x[:2],), None)
    small = Small("check")
    monkeypatch.setattr(smaller, "Context", small)
    check = Check(name, "vjp", "", lambda given: given.step("check", given is small))
    assert smaller._same_failure(context, fewer, check, WAY) is WAY
    subject, spec, seed, effort = small.made
    assert (subject.pattern, subject.forward, subject.vjp) == (fewer, np.tanh, tanh_without_the_square)
    assert (spec, seed, effort) == (None, 7, "quick")
    assert small.named == {"owns": True, "constant": frozenset({3})}
    gradients = [("gradients", "first", "of first")] * asks
    assert small.asked == [("output", "first"), *gradients, ("check", True)]
    for fails, found in (("output", WAY), ("gradients", WAY if asks else None), ("", None), ("CHECK", None)):
        monkeypatch.setattr(smaller, "Context", Small(fails))
        check = Check(name, "vjp", "", lambda given, fails=fails: given.step(fails if fails.isupper() else "check"))
        assert smaller._same_failure(context, fewer, check, WAY) is found
        assert smaller._same_failure(context, fewer, check, WAY.but(mistake="crash")) is None


def test_a_definition_is_read_for_smaller_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be, there is no smaller case."""
    for module in (rigorous, ball, torch_autograd):
        monkeypatch.setattr(module, "available", lambda: "not needed here")
    x = np.linspace(-2, 2, 5)

    def long(x: Any) -> Any:
        if x.size < 2:
            raise ValueError("too short")
        return np.tanh(x)

    context = context_of(tanh_without_the_square, x, spec=long)
    for size, is_read in ((2, True), (1, False)):
        small = Small("check")
        monkeypatch.setattr(smaller, "Context", small)
        check = Check("vjp.gradient[0].values", "vjp", "", lambda given: given.step("check"))
        found = smaller._same_failure(context, pattern((x[:size],), None), check, WAY)
        assert (found is WAY) is is_read
        if is_read:
            _, spec, *_ = small.made
            assert (spec.definition, spec.shape) == (long, (2,))


def test_the_first_of_smaller_cases_that_fails_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are not legal are passed over."""
    x = np.linspace(-2, 2, 6)
    context = context_of(tanh_without_the_square, x)
    seen: list[Any] = []

    def same(given: Any, found: Any, check: Any, violation: Any) -> Any:
        assert (given is context, check, violation) == (True, CHECK, WAY)
        seen.append(found.args[0].size)
        return WAY if found.args[0].size == wanted else None

    monkeypatch.setattr(smaller, "_same_failure", same)
    CHECK = Check("vjp.gradient[0].values", "vjp", "", lambda _: None)
    for wanted, sizes in ((1, [1]), (2, [1, 2]), (3, [1, 2])):
        seen.clear()
        assert (smaller.smaller(context, CHECK, WAY) is WAY) is (wanted < 3)
        assert seen == sizes
    seen.clear()
    wanted = 2
    context = context_of(tanh_without_the_square, x, legal=lambda x: x.size > 1)
    assert smaller.smaller(context, CHECK, WAY) is WAY
    assert seen == [2]
