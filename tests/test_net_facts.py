"""What each check of a network says of a wrong one: what was due, what came, when, the word, and the script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab.checks import deep
from reference.lab.context import Context
from reference.lab.mistakes import plain
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball
from tests import net_use_saboteurs as uses
from tests.comparing import needs_flint
from tests.examining import CHECKS, with_methods
from tests.test_check_facts import printed
from tests.test_check_words import violation_of

pytestmark = [needs_flint, pytest.mark.catalogue]

MLP: Any = plain.MLP
METHODS = ("propagate", "evaluate", "gradient")
#: How a script calls each method.
CALLED = {"propagate": "net.propagate(X)", "evaluate": "net.evaluate(X, T)", "gradient": "net.gradient(X, T)"}


def always(*_: Any, **__: Any) -> bool:
    return True


def raises(found: Any) -> Any:
    raise ValueError("no")


def large(net: Any, X: Any, *_: Any, **__: Any) -> bool:
    return len(X) > 250


def many(net: Any, *_: Any, **__: Any) -> bool:
    return len(net.layers) > 9


def by_chance(found: Any) -> Any:
    chance = np.random.default_rng()
    return [part + chance.random() for part in found] if isinstance(found, list) else found + chance.random()


def spoiling_the_last(method: str) -> Callable[..., Any]:
    """Writes into its last answer, and gives a new one that is right."""

    def answer(self: Any, *args: Any, **options: Any) -> Any:
        found = getattr(MLP, method)(self, *args, **options)
        for array in vars(self).get("last", ()):
            array[...] = 0
        self.last = [part for parts in found.values() for part in parts] if method == "gradient" else [found]
        return found

    return answer


def one_entry_off(parts: Any) -> Any:
    dW = parts[0].copy()
    dW[5, 3] += 1
    return [dW, parts[1]]


def caught(check: str, classes: dict[str, type]) -> Violation:
    found = violation_of(f"mlp.{check}", classes)
    assert found is not None
    return found


def by_name_alone(method: str) -> Callable[..., Any]:
    """The arguments in another order."""
    right = getattr(MLP, method)
    if method == "propagate":
        return lambda self, X, last_layer=None, output_layers=True: right(self, X, output_layers, last_layer)
    return lambda self, T, X: right(self, X, T)


#: By check of each method: what is wrong, and what of it is said: kinds of what was due, came and belongs to it, the
#: word, and whether one call shows it.
ROWS: dict[str, tuple[Callable[[str], uses.Methods], str, str, list[tuple[str, dict[str, Any]]], str | None, bool]] = {
    "answers": (lambda m: uses.wrong_where(m, always, raises), "answers", "raised", [], "crash", True),
    "changes_nothing: inputs": (
        lambda m: uses._spoiling(m, uses._clears_inputs), "unchanged", "changed", [], "mutates-input", True,
    ),
    "changes_nothing: parameters": (
        lambda m: uses._spoiling(m, uses._decays), "as before the call", "changed", [], "stateful", True,
    ),
    "changes_nothing: biases": (
        lambda m: uses._spoiling(m, uses._moves_biases), "as before the call", "changed", [], "stateful", True,
    ),
    "changes_nothing: second": (lambda m: uses._from_call(m, 2), "same twice", "different answers", [], "stateful",
                                True),
    "changes_nothing: chance": (
        lambda m: uses.wrong_where(m, always, by_chance), "same twice", "different answers", [], "nondeterministic",
        True,
    ),
    "changes_nothing: raises": (lambda m: uses._from_call(m, 2, raises), "answers", "raised", [], "stateful", True),
    "changes_nothing: later": (lambda m: {m: spoiling_the_last(m)}, "stays", "changed later", [], "stateful", True),
    "no_state: second": (lambda m: uses._from_call(m, 2), "entry", "entry", [("after any call", {})], "stateful",
                         False),
    "no_state: buffer": (uses._one_buffer, "stays", "changed later", [("after any call", {})], "stateful", False),
    "no_state: raises": (
        lambda m: uses._from_call(m, 2, raises), "answers", "raised", [("after any call", {})], "stateful", False,
    ),
    "in_any_order": (lambda m: uses._from_call(m, 2), "entry", "entry", [("after any call", {})], "stateful", False),
    "single_precision": (
        lambda m: uses.wrong_where(m, uses._is_single), "entry", "entry", [("in single precision", {})], None, False,
    ),
    "layouts: Fortran": (
        lambda m: uses.wrong_where(m, uses._is_fortran), "entry", "entry", [("in layout", {"layout": "Fortran"})],
        "layout-dependent", False,
    ),
    "layouts: strided": (
        lambda m: uses.wrong_where(m, uses._is_strided), "entry", "entry", [("in layout", {"layout": "strided"})],
        "layout-dependent", False,
    ),
    "layouts: read-only": (
        uses._writes_back, "answers", "raised", [("in layout", {"layout": "read-only"})], "mutates-input", False,
    ),
    "batch_sizes": (lambda m: uses.wrong_where(m, large), "entry", "entry", [], "batch-size-dependent", True),
    "other_nets": (lambda m: uses.wrong_where(m, many), "entry", "entry", [], None, True),
    "together": (lambda m: uses.wrong_where(m, always), "entry", "entry", [], None, True),
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("which", ROWS)
def test_a_wrong_use_is_told(which: str, method: str) -> None:
    """By the call and the kind of use; with a script where one call shows it."""
    make, due, came, told, word, is_shown = ROWS[which]
    found = caught(f"{method}.{which.partition(':')[0]}", with_methods("MLP", make(method)))
    assert (found.due.kind, found.came.kind, found.mistake) == (due, came, word)
    assert [(each.kind, {**each.fields}) for each in found.due.more if each.kind != "allowed"] == told
    kinds = [each.kind for each in found.came.more if each.kind != "raised at"]
    assert kinds == ([] if which == "together" else ["own layers"])
    assert {"X", "T"} < set(found.counterexample)
    assert (found.repro is not None) == is_shown
    what = found.due.fields.get("what", "")
    if due == "entry":
        assert (found.due["index"], found.came["what"]) == (found.index, what)
        assert np.shape(found.counterexample["X"])[0] > 0
        assert what.startswith("gradient(X, T)['" if method == "gradient" else CALLED[method].removesuffix(")"))
    elif due == "answers":
        assert what.startswith(CALLED[method].removesuffix(")"))
    elif due == "same twice":
        assert what == method
    elif due == "unchanged":
        assert found.due["names"] == found.came["names"] == ("X",)
    elif due == "as before the call":
        assert found.came["names"] == (what,)
        assert what == "Linear_OUT." + ("b" if "biases" in which else "W")
    if found.repro is not None:
        assert f"print({CALLED[method].removesuffix(')')}" in found.repro.splitlines()[-1]


@pytest.mark.parametrize("check", ["no_state", "in_any_order"])
def test_what_is_wrong_at_first_is_no_matter_of_other_calls(check: str) -> None:
    """It is told as it is, and of that method alone."""
    wrong = with_methods("MLP", uses.wrong_where("evaluate", always))
    found = caught(f"evaluate.{check}", wrong)
    assert found.mistake is None
    assert found.repro is not None
    assert "after any call" not in {each.kind for each in found.due.more}
    for method in ("propagate", "gradient"):
        assert violation_of(f"mlp.{method}.{check}", wrong) is None


def test_a_method_that_spoils_another_is_blamed() -> None:
    """By the answer of the other one, which is right at first."""

    def gradient(self: Any, X: Any, T: Any) -> Any:
        self.asked = True
        return MLP.gradient(self, X, T)

    spoilt = uses.wrong_where("evaluate", lambda net, *_, **__: getattr(net, "asked", False))
    found = caught("gradient.no_state", with_methods("MLP", {**spoilt, "gradient": gradient}))
    assert (found.mistake, found.due["what"], found.due.more[-1].kind) == (
        "stateful", "net.evaluate(X, T)", "after any call",
    )  # fmt: skip
    assert violation_of("mlp.evaluate.no_state", with_methods("MLP", {**spoilt, "gradient": gradient})) is None


@pytest.mark.parametrize("method", ["propagate", "evaluate"])
def test_a_second_answer_of_another_shape_is_no_change(method: str) -> None:
    """Nor one that is no numbers: that is for other checks. A gradient that is none is a change."""
    for change in (lambda found: found[:0], lambda found: "no"):
        assert (
            violation_of(f"mlp.{method}.changes_nothing", with_methods("MLP", uses._from_call(method, 2, change)))
            is None
        )
    found = caught("gradient.changes_nothing", with_methods("MLP", uses._from_call("gradient", 2, lambda parts: "no")))
    assert (found.due.kind, found.mistake) == ("pair under", "stateful")


@pytest.mark.parametrize("method", METHODS)
def test_arguments_in_another_order_are_told(method: str) -> None:
    """With the names in the contract's order, and a word of its own where the call is answered rightly by name."""
    found = caught(f"{method}.by_position", with_methods("MLP", {method: by_name_alone(method)}))
    names = ("X", "output_layers") if method == "propagate" else ("X", "T")
    assert [(each.kind, {**each.fields}) for each in found.due.more if each.kind != "allowed"] == [
        ("by position", {"names": names})
    ]
    assert found.mistake == ("argument-order" if found.due.kind == "entry" else "crash")
    assert found.repro is not None
    assert found.repro.endswith(f"print(net.{method}({'X, False' if method == 'propagate' else 'X, T'}))\n")


def test_what_is_wrong_by_name_too_is_no_matter_of_the_order() -> None:
    """Then there is no word for it."""
    wrong = with_methods("MLP", uses.wrong_where("evaluate", always))
    found = caught("evaluate.by_position", wrong)
    assert found.mistake is None


#: A check, what is wrong, what was due of which name, what came, the word, and the last lines of the script.
ALONE: dict[str, tuple[str, dict[str, type], tuple[str, str], str, str | None, str]] = {
    "a name that is ignored": (
        "propagate.to_last_layer",
        with_methods("MLP", {"propagate": lambda self, X, output_layers=True, last_layer=None: MLP.propagate(
            self, X, output_layers)}),
        ("entry", "net.propagate(X, last_layer='Linear_OUT')"), "entry", None,
        "print(net.propagate(X, last_layer='Linear_OUT'))",
    ),
    "output layers that cannot be left out": (
        "propagate.without_output_layers",
        with_methods("MLP", {"propagate": lambda self, X, output_layers=True, last_layer=None: MLP.propagate(
            self, X, True, last_layer)}),
        ("entry", "net.propagate(X, output_layers=False)"), "entry", None,
        "print(net.propagate(X, output_layers=False))",
    ),
    "a gradient that is wrong after a step": (
        "gradient.training_step", with_methods("MLP", uses._from_call("gradient", 2)),
        ("entry", "gradient of Linear_OUT after one step"), "entry", None, "print(net.gradient(X, T))",
    ),
    "a gradient that is none after a step": (
        "gradient.training_step", with_methods("MLP", uses._from_call("gradient", 2, lambda parts: parts[0])),
        ("pair under", ""), "type", "stateful", "print(net.gradient(X, T))",
    ),
    "a step in the other direction": (
        "gradient.training_step_together",
        with_methods("LinearLayer", {"update_params": lambda self, dtheta: plain.LinearLayer.update_params(
            self, [-d for d in dtheta])}),
        ("entry", "Linear_OUT.W after one step"), "entry", None, "print(net.gradient(X, T))",
    ),
    "a step that leaves biases alone": (
        "gradient.training_step_together",
        with_methods("LinearLayer", {"update_params": lambda self, dtheta: plain.LinearLayer.update_params(
            self, [dtheta[0], 0])}),
        ("entry", "Linear_OUT.b after one step"), "entry", None, "print(net.gradient(X, T))",
    ),
    "losses that are no numbers": (
        "gradient.of_own_loss", with_methods("MLP", {"evaluate": lambda self, X, T: "low"}),
        ("numbers", "evaluate(X, T)"), "something else", "wrong-type", "print(net.evaluate(X, T))",
    ),
    "no losses": (
        "gradient.of_own_loss", with_methods("MLP", {"evaluate": lambda self, X, T: X[:0]}),
        ("numbers", "evaluate(X, T)"), "something else", "wrong-type", "print(net.evaluate(X, T))",
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", ALONE)
def test_a_wrong_network_is_told(which: str) -> None:
    """What was due and came, and how a script shows it."""
    check, classes, (due, what), came, word, line = ALONE[which]
    found = caught(f"{check}", classes)
    assert (found.due.kind, found.due.fields.get("what", ""), found.came.kind) == (due, what, came)
    assert found.mistake == word
    assert found.repro is not None
    *_, before, last = found.repro.splitlines()
    assert last == line
    assert ("update_params" in before) == check.startswith("gradient.training_step")


def test_the_script_of_a_training_step_trains() -> None:
    """Its line before the last moves the layers by the gradient, so that the last shows the one after the step."""
    wrong = with_methods("MLP", uses._from_call("gradient", 2))
    found = caught("gradient.training_step", wrong)
    assert found.repro is not None
    shown = printed(found.repro.replace("from x ", "from handed_in "), wrong)["Linear_OUT"][0]
    assert shown[found.index] == pytest.approx(found.came["value"])


def test_a_deep_network_is_told_in_sizes() -> None:
    """With how many entries are wrong; its numbers would fill a book."""
    shown = {"n_inputs": 784, "n_units": [64, 64, 64, 64, 64, 10], "n_samples": 8}
    odd: dict[str, tuple[Callable[[Any], Any], str, str, str | None]] = {
        "off": (one_entry_off, "entry", "entry", None),
        "raises": (raises, "answers", "raised", "crash"),
        "short": (lambda parts: [parts[0], parts[1][1:]], "array under", "shape", "wrong-shape"),
        "one": (lambda parts: parts[:1], "array under", "shape", "wrong-shape"),
        "complex": (lambda parts: [parts[0] * 1j, parts[1]], "array under", "shape", "wrong-shape"),
        "flat": (lambda parts: [one_entry_off(parts)[0].ravel(), parts[1]], "entry", "entry", None),
    }
    for change, due, came, word in odd.values():
        found = caught("gradient.of_deep_net", with_methods("MLP", uses.wrong_where("gradient", always, change)))
        assert (found.due.kind, found.came.kind, found.mistake) == (due, came, word)
        assert (found.counterexample, found.repro, found.evidence) == (shown, None, None)
        if due == "entry":
            assert found.due["what"] == "gradient(X, T)['Linear_1'][0]"
            (wrong,) = [each for each in found.came.more if each.kind == "entries wrong"]
            assert (wrong["wrong"], wrong["entries"]) == (6, 67530)
            assert found.index == (5, 3)
        elif due == "array under":
            assert found.due["name"] == "Linear_1"
            assert found.due["shape"] == ((784, 64) if "j" in str(found.came) else found.due["shape"])
        else:
            assert found.due["what"] == "MLP.gradient(X, T)"


def test_the_truth_of_a_deep_network_may_be_computed_meanwhile() -> None:
    """While the network answers: it is given as one piece of work."""
    given: list[Any] = []

    class Noting(InProcess):
        def run_all(self, requests: Any, meanwhile: Any = ()) -> Any:
            given.extend(meanwhile)
            return super().run_all(requests)

    case, _ = deep.draw(np.random.RandomState(0), widths=(4, 3, 3, 2), n=2)
    work: Any = object()
    parts = deep._parts(case, Context(Noting(plain.CLASSES, {}), ball, "x"), work)
    assert given == [work]
    assert [part.shape for part in parts] == [array.shape for array in case.theta]
    assert {part.dtype for part in parts} == {np.dtype(np.float64)}


def test_wrong_entries_are_counted() -> None:
    """Those farther off than rounding and the oracle may be together, and those that are no numbers."""
    due = Estimate(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 0.5, 0.5, 0.5]))
    bound = np.full(4, 0.5)
    assert deep.number_of_wrong([np.array([1.5, 3.0, 2.0, 5.5])], [due], [bound]) == 1
    assert deep.number_of_wrong([np.array([1.6, np.nan, np.inf, 4.0])] * 2, [due] * 2, [bound] * 2) == 6
    assert deep.number_of_wrong([due.value], [due], [bound]) == 0
    opposite = Estimate(np.array([1.7e308]), np.zeros(1))
    assert deep.number_of_wrong([np.array([-1.7e308])], [opposite], [np.ones(1)]) == 1


@pytest.mark.parametrize("name", [name for name in CHECKS if name.startswith("mlp.") and "rehearsal" not in name])
def test_nothing_is_said_of_the_right_network(name: str) -> None:
    """By any check, with either loss; each answer is noted for the diagnosis, if anything is judged."""
    context = Context(InProcess(plain.CLASSES, {}), ball, "x", effort="quick", assignment=2)
    CHECKS[name].run(context)
    if name.endswith((".values", ".together", "single_precision", "layouts", "batch_sizes", "other_nets")):
        assert all(each.values for each in context.log)
        assert context.log


def test_the_smallest_network_is_shown() -> None:
    """Of several that are wrong the first, with the compound loss; and all are noted."""
    for name in ("propagate.values", "evaluate.values", "gradient.values"):
        found = caught(name, with_methods("MLP", uses.wrong_where(name.partition(".")[0], always)))
        assert np.shape(found.counterexample["Linear_OUT.W"]) == (1, 2)
        assert len(found.counterexample["X"]) == 1
        assert found.repro is not None
        assert "LossCrossEntropyForSoftmaxLogits" in found.repro


@pytest.mark.parametrize(("part", "is_wrong"), [(2.0**-40, False), (1e-4, True), (-1e-4, True)])
def test_a_gradient_may_be_as_far_off_as_differences_are(part: float, is_wrong: bool) -> None:
    """Of the network's own losses."""
    change = uses.wrong_where("gradient", always, lambda parts: [(1 + part) * each for each in parts])
    found = violation_of("mlp.gradient.of_own_loss", with_methods("MLP", change))
    assert (found is not None) == is_wrong
    if found is not None:
        assert (found.due.kind, found.came.kind) == ("slope of evaluate", "number")
        assert found.came["value"] == pytest.approx((1 + part) * found.due["value"], rel=1e-6)


@pytest.mark.parametrize("place", ["W", "b"])
@pytest.mark.parametrize(("part", "is_wrong"), [(0.4, False), (-0.4, False), (1.6, True), (-1.6, True)])
def test_a_step_of_training_may_be_rounded(part: float, is_wrong: bool, place: str) -> None:
    """By a part of the old parameters and of the new ones."""

    def update(self: Any, dtheta: Any) -> None:
        old = vars(self)[place]
        plain.LinearLayer.update_params(self, dtheta)
        new = vars(self)[place]
        vars(self)[place] = new + part * tolerances.TRAINING_STEP_ROUNDING * (np.abs(old) + np.abs(new))

    found = violation_of("mlp.gradient.training_step_together", with_methods("LinearLayer", {"update_params": update}))
    what = "" if found is None else found.due["what"]
    assert (what == f"Linear_OUT.{place} after one step") == is_wrong, what
