"""The catalogue of checks: what is promised of whom and in which assignments, and what each check stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from reference import check_vjp
from reference.execution.in_process import InProcess
from reference.findings import Finding
from reference.lab.check import LabExamination, checks_of
from reference.lab.checks.catalogue import Check, all_checks
from reference.lab.context import Context
from reference.lab.contract import MESSAGES
from reference.lab.mistakes import plain
from reference.lab.network import cases
from tests.comparing import needs_flint
from tests.examining import CHECKS, SOUND, with_methods
from tests.saboteurs import SABOTEURS
from tests.wording import assert_sentence, assert_well_said

METHODS = {f"{message.key}.{message.method}": message for message in MESSAGES}
LOGITS = "softmax.forward logits.forward logits.delta"
PROBABILITIES = "cross_entropy.forward cross_entropy.delta"
BACKWARD = " ".join(name for name in METHODS if not name.endswith(".forward"))
#: The methods that each promise is made of; what is not here is promised of all.
PROMISED_OF = {
    "samples_independent": " ".join(name for name in METHODS if name != "linear.grad"),
    "averaged": "linear.grad",
    "linear_in_delta_next": "linear.delta linear.grad relu.delta softmax.delta",
    "derivative_of_own_forward": BACKWARD,
    "lab_dtypes": "linear.forward linear.grad cross_entropy.forward cross_entropy.delta logits.forward logits.delta",
    "any_magnitude": "linear.forward linear.delta linear.grad relu.forward relu.delta softmax.delta",
    "large_inputs": "linear.forward linear.delta linear.grad relu.forward",
    "nan_is_not_hidden": "linear.forward relu.forward softmax.forward cross_entropy.forward logits.forward",
    "kink": "relu.delta",
    "moderate_logits": LOGITS,
    "tied_logits": LOGITS,
    "shift_invariance": LOGITS,
    "subnormal_logits": LOGITS,
    "saturated_logits": LOGITS,
    "extreme_logits": LOGITS,
    "far_samples": LOGITS,
    "saturated_outputs": "softmax.delta",
    "one_class": f"{PROBABILITIES} logits.forward logits.delta",
    "tiny_probabilities": PROBABILITIES,
    "impossible_target": "cross_entropy.forward",
    "zero_off_target": PROBABILITIES,
    "certain_predictions": PROBABILITIES,
}
#: What each promise of a method stands on; what is not here stands on right values.
STANDS_ON = {
    "types": "answers",
    "inputs_unchanged": "answers",
    "repeatable": "answers",
    "derivative_of_own_forward": "answers",
    "result_is_its_own": "inputs_unchanged",
    "values": "repeatable",
    "order_of_samples": "repeatable",
    "samples_independent": "repeatable",
    "averaged": "repeatable",
    "linear_in_delta_next": "repeatable",
}
#: What is not asked of the first assignment, whose softmax may overflow, besides the compound loss.
STABLE = {
    *(f"softmax.forward.{name}" for name in ("saturated_logits", "extreme_logits", "far_samples")),
    *(f"{method}.{name}" for method in PROBABILITIES.split() for name in ("zero_off_target", "certain_predictions")),
    "mlp.propagate.without_output_layers",
}
NET_METHODS = ("propagate", "evaluate", "gradient")
#: In what ways each method of a network is called.
CALLED = ("single_precision", "layouts", "batch_sizes", "by_position", "other_nets")
#: Of the network: what each check stands on, without the layers.
NETWORK = {
    "propagate.answers": "",
    "propagate.values": "propagate.answers",
    "propagate.without_output_layers": "propagate.answers",
    "propagate.to_last_layer": "propagate.answers",
    "evaluate.answers": "",
    "evaluate.types": "evaluate.answers",
    "evaluate.values": "evaluate.answers",
    "gradient.answers": "",
    "gradient.values": "gradient.answers",
    "gradient.of_own_loss": "gradient.answers evaluate.answers",
    **{f"{method}.changes_nothing": f"{method}.answers" for method in NET_METHODS},
    **{f"{method}.{name}": f"{method}.values" for method in NET_METHODS for name in CALLED},
    **{f"{method}.{name}": f"{method}.values" for method in NET_METHODS for name in ("no_state", "in_any_order")},
    "gradient.training_step": "gradient.values",
    "propagate.together": "propagate.values",
    "evaluate.together": "evaluate.values",
    "gradient.together": "gradient.values",
    "gradient.training_step_together": "gradient.training_step",
    "gradient.of_deep_net": "gradient.values",
}
#: Of the network: the checks that use the submission's own layers. All others use the examiner's.
TOGETHER = {
    "propagate.together", "evaluate.together", "gradient.together", "gradient.training_step_together",
    "gradient.of_deep_net",
}  # fmt: skip

#: Whole trainings of the network.
REHEARSALS = {f"rehearsal.{name}" for name in ("xor", "spirals", "deep")}


def of_methods() -> dict[str, tuple[str, str]]:
    """By id of the check of a layer's or a loss's method: the method and the promise."""
    parts = {name: name.rpartition(".") for name in CHECKS}
    return {name: (method, promise) for name, (method, _, promise) in parts.items() if method in METHODS}


def test_checks_are_listed_in_order_of_dependency() -> None:
    """Each comes after what it depends on and what may excuse it, and no id comes twice."""
    seen: set[str] = set()
    for check in all_checks():
        assert {*check.depends_on, *check.excuses, *check.unless_failed} <= seen, check.id
        assert check.id not in seen
        seen.add(check.id)


@pytest.mark.parametrize("check", list(CHECKS.values()), ids=lambda check: check.id)
def test_checks_are_about_methods_of_the_contract(check: Check) -> None:
    """The id names the same layer and method as the subject, and the promise is a sentence or two."""
    cls, _, method = check.subject.partition(".")
    key, *rest = check.id.split(".")
    assert key == ({message.cls: message.key for message in MESSAGES} | {"MLP": "mlp"})[cls]
    assert hasattr(plain.CLASSES[cls], method or "__init__")
    # What is wrong with the constructor of a linear layer is wrong with its initialisation.
    assert (method or "made") in rest or rest[0] in {"rehearsal"} or check.id.startswith("linear.made")
    assert_sentence(check.rationale)
    assert check.rationale.endswith(".")


def test_each_promise_is_made_of_the_methods_that_can_keep_it() -> None:
    """Neither of more nor of fewer."""
    found: dict[str, set[str]] = {}
    for method, promise in of_methods().values():
        found.setdefault(promise, set()).add(method)
    assert {promise: set(PROMISED_OF.get(promise, " ".join(METHODS)).split()) for promise in found} == found
    assert set(PROMISED_OF) <= set(found)
    assert set(SOUND) | {"order_of_samples", "single_precision", "layouts"} == set(found) - set(PROMISED_OF)


def test_formulas_are_followed_only_where_that_is_said() -> None:
    """One check for each method more, in code that runs in this process; all others are the same."""
    anywhere, inside = ([each.id for each in found] for found in (all_checks(), all_checks(in_process=True)))
    formulas = [f"{message.key}.{message.method}.formula" for message in MESSAGES]
    assert [each for each in inside if each not in anywhere] == formulas
    assert [each for each in inside if each not in formulas] == anywhere


def test_promises_stand_on_one_another() -> None:
    """An object has to be made, then to answer, then to answer the same again, before its values are judged."""
    for name, (method, promise) in of_methods().items():
        made = f"{method.partition('.')[0]}.made"
        due = made if promise == "answers" else f"{method}.{STANDS_ON.get(promise, 'values')}"
        assert CHECKS[name].depends_on == (due,), name


def test_classes_are_asked_to_be_made_first() -> None:
    """Whether they have parameters, and what those are, is asked of objects."""
    rest = {name: check for name, check in CHECKS.items() if name not in of_methods() and not name.startswith("mlp.")}
    made = {f"{message.key}.made" for message in MESSAGES}
    ordered = {f"{name}.by_position": (name,) for name in made}
    assert made <= set(rest)
    assert all(rest[name].depends_on == () for name in made)
    having = {f"{key}.has_params": (f"{key}.made",) for key in ("linear", "relu", "softmax")}
    parameters = dict.fromkeys(("linear.initialize.values", "linear.update_params.adds"), ("linear.made",))
    parameters["linear.update_params.adds_again"] = ("linear.update_params.adds",)
    assert {name: rest[name].depends_on for name in set(rest) - made} == having | parameters | ordered


def test_networks_of_the_submissions_layers_need_layers_that_answer() -> None:
    """A network is tried with the submission's own layers once they answer; with the examiner's it needs none."""
    layers = {f"{name}.answers" for name in METHODS if name.startswith(("linear.", "relu.", "softmax."))}
    for name, needs in NETWORK.items():
        own = {f"mlp.{each}" for each in needs.split()}
        assert set(CHECKS[f"mlp.{name}"].depends_on) == own | (layers if name in TOGETHER else set()), name
    assert {name.removeprefix("mlp.") for name in CHECKS if name.startswith("mlp.")} == set(NETWORK) | REHEARSALS


def test_rehearsals_are_last_and_need_all_others() -> None:
    """They are run where the network answers and nothing has failed before."""
    *others, xor, spirals, deep = CHECKS
    assert {name.removeprefix("mlp.") for name in (xor, spirals, deep)} == REHEARSALS
    answers = {f"mlp.{name}" for name in NETWORK if name.endswith(".answers")}
    for name in (xor, spirals, deep):
        assert set(CHECKS[name].depends_on) == answers
        assert set(CHECKS[name].unless_failed) == set(others)


def test_wrong_parts_excuse_networks_that_are_made_of_them() -> None:
    """A wrong layer or loss excuses a network with the submission's layers alone, never one with the examiner's."""
    parts = {f"{name}.{promise}" for name in METHODS for promise in SOUND}
    parts |= {"linear.has_params", "relu.has_params", "softmax.has_params"}
    parts |= {"linear.initialize.values", "linear.update_params.adds", "linear.update_params.adds_again"}
    parts |= {f"{message.key}.made.by_position" for message in MESSAGES}
    propagate = {f"mlp.propagate.{name}" for name in ("answers", "values", "without_output_layers", "to_last_layer")}
    calling = {f"{method}.{part}" for method in ("evaluate", "gradient") for part in ("answers", "values")}
    more: Mapping[str, set[str]] = {
        **dict.fromkeys([*calling, "evaluate.types"], propagate),
        "gradient.of_own_loss": propagate | {"mlp.evaluate.values"},
        **excuses_of_sequences(),
        **{f"{method}.{name}": {f"mlp.propagate.{name}"} for method in NET_METHODS[1:] for name in CALLED},
    }
    for name in NETWORK:
        due = (parts if name in TOGETHER else set()) | more.get(name, set())
        assert set(CHECKS[f"mlp.{name}"].excuses) == due, name


def excuses_of_sequences() -> dict[str, set[str]]:
    """What a method does to others is excused by what was found of the method before it, and by simpler checks."""

    def named(names: str, methods: Sequence[str]) -> set[str]:
        return {f"mlp.{method}.{name}" for method in methods for name in names.split()}

    found: dict[str, set[str]] = {}
    for number, method in enumerate(NET_METHODS):
        before = NET_METHODS[:number]
        found[f"{method}.changes_nothing"] = named("changes_nothing", before)
        found[f"{method}.no_state"] = named("changes_nothing", NET_METHODS) | named("no_state", before)
        found[f"{method}.in_any_order"] = named("changes_nothing no_state", NET_METHODS) | named("in_any_order", before)
    return found


def test_wrong_forwards_excuse_the_consistency_of_backward_messages() -> None:
    """And nothing else is excused but networks."""
    for name, (method, promise) in of_methods().items():
        forward = f"{method.partition('.')[0]}.forward"
        due = {each for each, (other, _) in of_methods().items() if other == forward}
        assert set(CHECKS[name].excuses) == (due if promise == "derivative_of_own_forward" else set()), name


def test_promises_of_a_method_differ() -> None:
    """No two of them read alike."""
    assert len({(check.subject, check.rationale) for check in CHECKS.values()}) == len(CHECKS)


def test_compound_loss_is_asked_of_networks_from_the_second_assignment() -> None:
    """Beside the other loss, which all three ask for."""
    for assignment, due in ((1, {False}), (2, {False, True}), (3, {False, True})):
        context = Context(InProcess(plain.CLASSES, {}), "no oracle", "x", effort="quick", assignment=assignment)
        assert {question.compound for question in cases(context)} == due


@needs_flint
@pytest.mark.parametrize("with_spec", [False, True])
def test_checks_of_functions_stand_on_one_another(with_spec: bool) -> None:
    """Of each argument of floating point the gradient is judged, and of whole numbers its form alone."""

    def product(x: Any, n: Any) -> Any:
        return x * n

    def gradients(c: Any, x: Any, n: Any) -> Any:
        return c * n, None

    found = check_vjp(
        product, gradients, np.ones(2), np.array([1, 2]), spec=product if with_spec else None, effort="quick"
    )
    types = "vjp.gradient.answers vjp.gradient[0].types vjp.gradient[1].types"
    due = {
        "forward.answers": "",
        "forward.types": "vjp.forward.answers",
        "forward.values": "vjp.forward.answers",
        "forward.inputs_unchanged": "vjp.forward.answers",
        "forward.result_is_its_own": "vjp.forward.answers",
        "forward.no_state": "vjp.forward.answers",
        "forward.layouts": "vjp.forward.answers vjp.forward.no_state",
        # With a specification a wrong forward pass is no reason not to judge the vjp.
        "gradient.answers": "" if with_spec else "vjp.forward.answers",
        "gradient[0].types": "vjp.gradient.answers",
        "gradient[0].values": "vjp.gradient.answers",
        "gradient[0].consistent": "vjp.gradient.answers",
        "gradient[1].types": "vjp.gradient.answers",
        "gradient.ties": "vjp.gradient.answers",
        "gradient.formula": "vjp.gradient.answers",
        "gradient.inputs_unchanged": "vjp.gradient.answers",
        "gradient.result_is_its_own": "vjp.gradient.answers",
        "gradient.no_state": "vjp.gradient.answers",
        "gradient.layouts": "vjp.gradient.answers vjp.gradient.no_state",
        "gradient.linear": f"{types} vjp.gradient.no_state",
    }
    assert_well_said(found)
    assert {each.check: " ".join(each.depends_on) for each in found} == {f"vjp.{name}": due[name] for name in due}
    for each in found:
        assert each.subject == ("product" if each.check.startswith("vjp.forward") else "gradients")
        skipped = {"vjp.gradient[0].consistent"} if with_spec else {"vjp.forward.values", "vjp.gradient[0].values"}
        assert each.status == ("skipped" if each.check in skipped else "passed")


def test_first_assignment_asks_for_no_stability() -> None:
    """Nor for the compound loss; the second asks for all that the third does."""
    first, second, third = ({check.id for check in checks_of("*", assignment)} for assignment in (1, 2, 3))
    assert second == third == set(CHECKS)
    assert third - first == STABLE | {name for name in CHECKS if name.startswith("logits.")}


def judged(classes: dict[str, type], name: str) -> Finding:
    """What a check finds after everything that may excuse it."""
    finding = LabExamination(InProcess(classes, {}), "x", effort="quick").finding(name)
    assert_well_said([finding])
    return finding


@needs_flint
@pytest.mark.catalogue
@pytest.mark.parametrize(
    ("cls", "method", "wrong"),
    [
        ("LinearLayer", "grad", lambda self, X, delta_next: [0 * self.W, 0 * self.b]),
        ("ReLULayer", "delta", SABOTEURS["by_position"](plain.ReLULayer.delta)),
        ("LossCrossEntropyForSoftmaxLogits", "delta", lambda self, X, T: 0 * X),
    ],
)
def test_network_is_not_blamed_for_its_layers(cls: str, method: str, wrong: Any) -> None:
    """With the layer its gradient is wrong, which is skipped and says why; with the examiner's layers it passes."""
    wrong_layer = with_methods(cls, {method: wrong})
    finding = judged(wrong_layer, "mlp.gradient.together")
    assert finding.status == "skipped"
    assert f".{method}." in str(finding.actual)
    assert judged(wrong_layer, "mlp.gradient.values").status == "passed"


@needs_flint
@pytest.mark.catalogue
@pytest.mark.parametrize("layer", [plain.LinearLayer, type("LinearLayer", (plain.LinearLayer,), {
    "grad": lambda self, X, delta_next: [X.T @ delta_next, delta_next.sum(axis=0)]})])  # fmt: skip
def test_wrong_layer_neither_hides_nor_excuses_a_wrong_network(layer: type) -> None:
    """A network that divides by N once more is wrong, beside a right layer and beside one whose ``grad`` sums."""

    def averaged_again(self: Any, X: Any, T: Any) -> Any:
        found = plain.MLP.gradient(self, X, T)
        return {name: [part / len(X) for part in parts] for name, parts in found.items()}

    finding = judged(with_methods("MLP", {"gradient": averaged_again}) | {"LinearLayer": layer}, "mlp.gradient.values")
    assert (finding.status, finding.mistake) == ("failed", "averaged-twice")
    assert finding.came is not None
    assert [each.kind for each in finding.came.more] == ["own layers"]


@needs_flint
@pytest.mark.catalogue
def test_network_that_reads_another_attribute_of_its_layers_is_told_whose_they_were() -> None:
    """The contract does not promise the attribute, and the examiner's layers do not have it."""

    def propagate(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
        assert all(layer.kind for layer in self.layers)
        return plain.MLP.propagate(self, X, output_layers, last_layer)

    finding = judged(with_methods("MLP", {"propagate": propagate}), "mlp.propagate.answers")
    assert (finding.status, finding.mistake) == ("failed", "crash")
    assert finding.came is not None
    assert "own layers" in {each.kind for each in finding.came.more}


@needs_flint
@pytest.mark.catalogue
def test_network_is_not_blamed_for_the_shape_of_its_losses() -> None:
    """A row of losses is the loss's mistake; a network that makes a row of a column is told so itself."""

    class Flat(plain.LossCrossEntropyForSoftmaxLogits):
        def forward(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
            return np.ravel(super().forward(X, T))

    class FlatNet(plain.MLP):
        def evaluate(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
            return np.ravel(super().evaluate(X, T))

    loss = judged({**plain.CLASSES, "LossCrossEntropyForSoftmaxLogits": Flat}, "mlp.evaluate.types")
    assert loss.status == "passed"
    network = judged({**plain.CLASSES, "MLP": FlatNet}, "mlp.evaluate.types")
    assert (network.status, network.mistake) == ("failed", "wrong-shape")
