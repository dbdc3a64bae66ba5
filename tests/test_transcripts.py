"""One full transcript of each kind of sentence: what is said as a whole reads as it does in ``transcripts.txt``.

Numbers are left out there, since they depend on the draw, and so is what Python says of an exception. Whoever rewords a
sentence changes its line in the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference import check_vjp
from reference.execution.in_process import InProcess
from reference.findings import Finding
from reference.lab.check import LabExamination
from reference.lab.checks.catalogue import all_checks
from reference.lab.mistakes import CATALOGUE, plain
from tests.comparing import needs_flint
from tests.examining import with_methods
from tests.gradients import LABELS, cross_entropy, cross_entropy_vjp, softmax, softmax_vjp, tanh_vjp
from tests.saboteurs import SABOTEURS
from tests.wording import RAISED, assert_well_said

pytestmark = [needs_flint, pytest.mark.outside, pytest.mark.catalogue]

_FILE = Path(__file__).with_name("transcripts.txt")
_ARRAY = re.compile(r"\[[-\d.,\s\[\]e+naif]*\]")
_NUMBER = re.compile(r"(?<![A-Za-z_])-?\b(?:nan|inf|\d+(?:,\d{3})*(?:\.\d*)?(?:e[+-]?\d+)?)\b")
#: One line more may be that of a new word.
MOST, MOST_OFTEN = 40, 4
#: Those whose script is shown too.
WITH_SCRIPT = {"a wrong value", "a wrong gradient of a network"}


def examined(classes: Mapping[str, type], name: str) -> Finding:
    missing = {cls: f"there is no class {cls}" for cls in plain.CLASSES if cls not in classes}
    return LabExamination(InProcess(classes, missing), "your_module", effort="quick").finding(name)


def sabotaged(name: str) -> Finding:
    """A check of a layer's method, where exactly its promise is broken."""
    check = next(each for each in all_checks() if each.id == name)
    cls, _, method = check.subject.partition(".")
    wrong = SABOTEURS[name.rpartition(".")[2]](getattr(plain.CLASSES[cls], method))
    return examined(with_methods(cls, {method: wrong}), name)


def changed(cls: str, method: str, wrong: Any, name: str) -> Finding:
    return examined(with_methods(cls, {method: wrong}), name)


def known(mistake: str, name: str) -> Finding:
    return examined(next(each for each in CATALOGUE if each.name == mistake).classes, name)


def of_vjp(forward: Any, vjp: Any, name: str, *args: Any, **options: Any) -> Finding:
    found = check_vjp(forward, vjp, *(args or [X]), effort="quick", **options)
    return next(each for each in found if each.check == f"vjp.{name}")


def raising(error: BaseException) -> Any:
    def method(self: Any, *args: Any, **named: Any) -> Any:
        raise error

    return method


def tripled(self: Any, X: Any, T: Any) -> Any:
    return {name: [3 * part for part in parts] for name, parts in plain.MLP.gradient(self, X, T).items()}


def root(x: Any) -> Any:
    if (x < 0).any():
        raise ValueError("x has no root")
    return np.sqrt(x)


def without(method: str, cls: str) -> type:
    """The class with that method's name missing."""
    right = plain.CLASSES[cls]
    return type(cls, right.__bases__, {name: value for name, value in vars(right).items() if name != method})


X = np.array([[0.5, -1.0], [2.0, 0.25], [1.5, -0.75]])
KINDS: dict[str, Callable[[], Finding]] = {
    "a wrong value": lambda: sabotaged("softmax.forward.values"),
    "a known mistake": lambda: known("ReLULayer.delta_passes_everything", "relu.delta.values"),
    "a wrong shape": lambda: changed("LinearLayer", "forward", lambda self, X: np.ravel(X @ self.W + self.b),
                                     "linear.forward.types"),
    "no array": lambda: changed("ReLULayer", "forward", lambda self, X: "0.5", "relu.forward.answers"),
    "a crash": lambda: changed("ReLULayer", "forward", raising(ValueError("no")), "relu.forward.answers"),
    "misnamed arguments": lambda: changed("ReLULayer", "delta", lambda self, Y, delta: delta * (Y > 0),
                                          "relu.delta.answers"),
    "a missing method": lambda: examined({**plain.CLASSES, "LinearLayer": without("update_params", "LinearLayer")},
                                         "linear.update_params.adds"),
    "a missing class": lambda: examined({"ReLULayer": plain.ReLULayer}, "softmax.made"),
    "a class that cannot be made": lambda: changed("LossCrossEntropy", "__init__", lambda self: None,
                                                   "cross_entropy.made"),
    "a changed argument": lambda: sabotaged("linear.forward.inputs_unchanged"),
    "a view of an argument": lambda: known("ReLULayer.delta_returns_its_argument", "relu.delta.result_is_its_own"),
    "one buffer for all answers": lambda: sabotaged("logits.delta.result_is_its_own"),
    "another layout": lambda: sabotaged("linear.delta.layouts"),
    "a memory of earlier calls": lambda: sabotaged("softmax.forward.no_state"),
    "right after forward alone": lambda: known("ReLULayer.MaskFromLastForward", "relu.delta.answers"),
    "chance": lambda: sabotaged("cross_entropy.forward.repeatable"),
    "a sample that depends on others": lambda: sabotaged("logits.forward.samples_independent"),
    "another derivative than that of forward": lambda: sabotaged("linear.grad.derivative_of_own_forward"),
    "a kink": lambda: sabotaged("relu.delta.kink"),
    "a hidden NaN": lambda: sabotaged("softmax.forward.nan_is_not_hidden"),
    "logits with the same number added": lambda: sabotaged("softmax.forward.shift_invariance"),
    "weights of another generator": lambda: known("LinearLayer.initialize_from_global_generator",
                                                  "linear.initialize.values"),
    "a wrong update": lambda: known("LinearLayer.update_subtracts", "linear.update_params.adds"),
    "a wrong gradient of a network": lambda: changed("MLP", "gradient", tripled, "mlp.gradient.values"),
    "a gradient without a layer": lambda: known("MLP.gradient_without_the_first_layer", "mlp.gradient.values"),
    "another gradient than that of the own loss": lambda: known("MLP.gradient_negated", "mlp.gradient.of_own_loss"),
    "a gradient that changes something": lambda: known("MLP.gradient_updates_the_parameters",
                                                       "mlp.gradient.changes_nothing"),
    "a wrong step of training": lambda: known("MLP.GradientOfTheFirstStep", "mlp.gradient.training_step"),
    "a network that is wrong when it is deep": lambda: known("MLP.gradient_in_single_precision_for_wide_inputs",
                                                             "mlp.gradient.of_deep_net"),
    "a skip after a failure": lambda: changed("SoftmaxLayer", "forward", lambda self, X: 0 * X,
                                              "softmax.forward.tied_logits"),
    "a skip for an excuse": lambda: changed("ReLULayer", "forward", lambda self, X: 0 * X,
                                            "relu.delta.derivative_of_own_forward"),
    "a factor": lambda: of_vjp(softmax, lambda c, x: (-softmax_vjp(c, x)[0],), "gradient[0].consistent"),
    "slopes at a kink": lambda: of_vjp(lambda x: np.maximum(x, 0), lambda c, x: (c * np.where(x == 0, 2, x > 0),),
                                       "gradient.ties", np.zeros((1, 2))),
    "a domain": lambda: of_vjp(root, lambda c, x: (c / (2 * np.sqrt(x)),), "forward.answers", X**2,
                               spec=lambda x: np.sqrt(np.abs(x))),
    "no tuple": lambda: of_vjp(np.tanh, lambda c, x: tanh_vjp(c, x)[0], "gradient.answers"),
    "a gradient of whole numbers": lambda: of_vjp(
        cross_entropy, lambda c, x, t: (cross_entropy_vjp(c, x, t)[0], t * 1), "gradient[1].types",
        np.resize(X, (4, 3)), LABELS),
    "no linearity": lambda: of_vjp(np.tanh, lambda c, x: tanh_vjp(np.clip(c, -1e6, 1e6), x), "gradient.linear"),
    "zeros": lambda: of_vjp(np.tanh, lambda c, x: (0 * c,), "gradient[0].values", spec=np.tanh),
    "another judge": lambda: of_vjp(np.tanh, tanh_vjp, "gradient[0].consistent", spec=np.tanh),
    "nothing to judge": lambda: of_vjp(lambda x: x * np.nan, lambda c, x: (c,), "gradient[0].consistent"),
}  # fmt: skip


def transcript(kind: str, finding: Finding) -> str:
    script = f"{finding.repro or ''}" if kind in WITH_SCRIPT else ""
    lines = [str(finding), *(f"  script   {line}" for line in script.splitlines())]
    told = (RAISED.sub(r"\1: ...", line) for line in "\n".join(lines).splitlines())
    return "\n".join(_NUMBER.sub("#", _ARRAY.sub("[#]", line)) for line in told)


def recorded() -> dict[str, str]:
    _, *parts = re.split(r"^== (.*)\n", _FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {kind: text.strip("\n") for kind, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_reads_as_a_whole(kind: str) -> None:
    """In these words, but for the numbers."""
    finding = KINDS[kind]()
    assert_well_said([finding])
    assert transcript(kind, finding) == recorded()[kind]


def test_transcripts_are_few() -> None:
    """One of each kind, so that they can be read; and no sentence stands in more than four lines."""
    assert list(recorded()) == list(KINDS)
    assert len(KINDS) <= MOST
    lines = [line for text in recorded().values() for line in text.splitlines() if re.search(r"[^.][.?]$", line)]
    (_, often), *_ = Counter(line.partition(": ")[2] or line for line in lines).most_common()
    assert often <= MOST_OFTEN
