"""The catalogue of checks: what is promised of whom and in which assignments, and what each check stands on."""

from __future__ import annotations

from collections.abc import Mapping
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
    "large_inputs": "linear.forward linear.delta linear.grad relu.forward",
    "nan_is_not_hidden": "linear.forward softmax.forward logits.forward",
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
    "gradient.changes_nothing": "gradient.answers",
    "gradient.training_step": "gradient.values",
    "gradient.of_deep_net": "gradient.values",
}


def of_methods() -> dict[str, tuple[str, str]]:
    """By id of the check of a layer's or a loss's method: the method and the promise."""
    parts = {name: name.rpartition(".") for name in CHECKS}
    return {name: (method, promise) for name, (method, _, promise) in parts.items() if method in METHODS}


def test_checks_are_listed_in_order_of_dependency() -> None:
    """Each comes after what it depends on and what may excuse it, and no id comes twice."""
    seen: set[str] = set()
    for check in all_checks():
        assert {*check.depends_on, *check.excuses} <= seen, check.id
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
    assert (method or "made") in rest or check.id == "linear.made"
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
    assert made <= set(rest)
    assert all(rest[name].depends_on == () for name in made)
    having = {f"{key}.has_params": (f"{key}.made",) for key in ("linear", "relu", "softmax")}
    parameters = dict.fromkeys(("linear.initialize.values", "linear.update_params.adds"), ("linear.made",))
    assert {name: rest[name].depends_on for name in set(rest) - made} == having | parameters


def test_networks_need_layers_that_answer() -> None:
    """Each method of a network is called once all its layers answer; then its form and its numbers are judged."""
    layers = {f"{name}.answers" for name in METHODS if name.startswith(("linear.", "relu.", "softmax."))}
    for name, needs in NETWORK.items():
        own = {f"mlp.{each}" for each in needs.split()}
        assert set(CHECKS[f"mlp.{name}"].depends_on) == own | (layers if name.endswith(".answers") else set()), name
    assert {name.removeprefix("mlp.") for name in CHECKS if name.startswith("mlp.")} == set(NETWORK)


def test_wrong_parts_excuse_networks() -> None:
    """Whatever is wrong with a layer or a loss may be why its network is wrong; other promises excuse nothing."""
    parts = {f"{name}.{promise}" for name in METHODS for promise in SOUND}
    parts |= {"linear.has_params", "relu.has_params", "softmax.has_params"}
    parts |= {"linear.initialize.values", "linear.update_params.adds"}
    propagate = {f"mlp.{name}" for name in NETWORK if name.startswith("propagate.")}
    calling = {f"{method}.{part}" for method in ("evaluate", "gradient") for part in ("answers", "values")}
    more: Mapping[str, set[str]] = {
        **dict.fromkeys(calling, propagate),
        "evaluate.types": propagate | {"cross_entropy.forward.types", "logits.forward.types"},
        "gradient.of_own_loss": propagate | {"mlp.evaluate.values"},
    }
    for name in NETWORK:
        assert set(CHECKS[f"mlp.{name}"].excuses) == parts | more.get(name, set()), name


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
        "gradient[0].values": "vjp.gradient.answers vjp.gradient[0].types",
        "gradient[0].consistent": "vjp.gradient.answers vjp.gradient[0].types",
        "gradient[1].types": "vjp.gradient.answers",
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
        ("ReLULayer", "delta", SABOTEURS["no_state"](plain.ReLULayer.delta)),
        ("LossCrossEntropyForSoftmaxLogits", "delta", lambda self, X, T: 0 * X),
    ],
)
def test_network_is_not_blamed_for_its_layers(cls: str, method: str, wrong: Any) -> None:
    """Its gradient is wrong, perhaps because of the layer: it is skipped, and says which checks of the layer failed."""
    finding = judged(with_methods(cls, {method: wrong}), "mlp.gradient.values")
    assert finding.status == "skipped"
    assert f".{method}." in str(finding.actual)


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
    assert loss.status == "skipped"
    assert "logits.forward.types" in str(loss.actual)
    network = judged({**plain.CLASSES, "MLP": FlatNet}, "mlp.evaluate.types")
    assert (network.status, network.mistake) == ("failed", "wrong-shape")
