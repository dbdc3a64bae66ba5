"""What is said of wrong codings that nobody has listed: constants are estimated, several mistakes are all named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference.findings import Finding
from reference.lab.mistakes import plain
from reference.lab.second_hand import CODINGS
from reports.study.bench.second_hand import judged, summary
from reports.verdicts.grouping import Method
from tests.comparing import needs_flint
from tests.examining import concerned, examined, with_methods

pytestmark = [needs_flint, pytest.mark.catalogue]

_LOSS = "LossCrossEntropyForSoftmaxLogits"


def failures(subject: str, method: Callable[..., Any]) -> list[Finding]:
    """What fails where one method is written like this."""
    cls, _, name = subject.partition(".")
    found = examined(with_methods(cls, {name: method}), concerned(subject))
    return [each for each in found if each.status == "failed"]


def of_values(subject: str, method: Callable[..., Any]) -> Finding:
    """The failure of the check of values."""
    return next(each for each in failures(subject, method) if each.check.endswith(".values"))


def softmax(X: Any) -> Any:
    return plain.softmax(X)


def losses(X: Any, T: Any) -> Any:
    return plain.LossCrossEntropy("").forward(X, T)


#: The subject, a wrong coding, all its words, and the constants that are told.
CODED: dict[str, tuple[str, Callable[..., Any], set[str], dict[str, str]]] = {
    "clipped probabilities": ("LossCrossEntropy.delta", lambda self, X, T: -T / np.clip(X, 3e-9, 1), {"clipped"}, {}),
    "a clipped answer": (
        f"{_LOSS}.delta", lambda self, X, T: np.clip(softmax(X) - T, -0.37, 0.37), {"clipped"},
        {"lower limit": "-0.37", "upper limit": "0.37"},
    ),
    "one limit": (f"{_LOSS}.delta", lambda self, X, T: np.maximum(softmax(X) - T, -0.6), {"clipped"},
                  {"lower limit": "-0.6"}),
    "clipped gradients": (
        "LinearLayer.delta", lambda self, Y, delta_next: np.clip(delta_next, -70, 70) @ self.W.T, {"clipped"},
        {"lower limit": "-70.0", "upper limit": "70.0"},
    ),
    "an epsilon": ("LossCrossEntropy.forward",
                   lambda self, X, T: -(T * np.log(X + 4e-6)).sum(axis=1, keepdims=True), {"epsilon-added"},
                   {"epsilon": "4e-06"}),
    "another base": ("LossCrossEntropy.forward", lambda self, X, T: losses(X, T) / np.log(10), {"scaled"},
                     {"factor": "1 / ln 10"}),
    "divided by features": ("LinearLayer.forward", lambda self, X: X @ self.W / X.shape[1] + self.b, {"scaled"},
                            {"coefficient of X W": "1 / D"}),
    "a slope": ("ReLULayer.delta", lambda self, Y, delta_next: delta_next * np.where(Y > 0, 1, 0.07), {"leaky"},
                {"slope": "0.07"}),
    "a threshold": ("ReLULayer.delta", lambda self, Y, delta_next: delta_next * (Y > 1e-6),
                    {"mask-wrong-threshold"}, {"threshold": "1e-06"}),
    "zero passes": ("ReLULayer.delta", lambda self, Y, delta_next: delta_next * (Y >= 0), {"mask-wrong-threshold"}, {}),
    "everything passes": ("ReLULayer.delta", lambda self, Y, delta_next: delta_next + 0, {"mask-missing"}, {}),
    "half precision inside": (
        "SoftmaxLayer.forward", lambda self, X: softmax(X.astype(np.float16)).astype(np.float64), {"low-precision"},
        {"precision": "float16"},
    ),
    "single precision between": (
        "LinearLayer.delta", lambda self, Y, delta_next: delta_next @ self.W.astype(np.float32).astype(np.float64).T,
        {"low-precision"}, {},
    ),
    "all classes judged, and a mean over them": (
        "LossCrossEntropy.forward",
        lambda self, X, T: -(T * np.log(X) + (1 - T) * np.log(1 - X)).mean(axis=1, keepdims=True),
        {"binary-cross-entropy", "divided-by-classes"}, {"factor": "1 / K"},
    ),
    "a sum with the wrong sign": (
        "LinearLayer.grad", lambda self, X, delta_next: [-X.T @ delta_next, -delta_next.sum(axis=0)],
        {"not-averaged", "sign"}, {"factor": "-N"},
    ),
    "an epsilon and a mean": (
        "LossCrossEntropy.delta", lambda self, X, T: -T / (X + 2e-5) / len(X), {"epsilon-added", "averaged-over-batch"},
        {"epsilon": "2e-05"},
    ),
}  # fmt: skip


def _largest_for_target(self: Any, X: Any, T: Any) -> Any:
    Z = X - X.max(axis=1, keepdims=True)
    return np.log(np.exp(Z).sum(axis=1, keepdims=True)) - Z.max(axis=1, keepdims=True)


def _logarithm_inside(self: Any, X: Any, T: Any) -> Any:
    Z = X - X.max(axis=1, keepdims=True)
    return np.log(np.exp(Z)).sum(axis=1, keepdims=True) - (Z * T).sum(axis=1, keepdims=True)


def _target_not_summed(self: Any, X: Any, T: Any) -> Any:
    m = X.max(axis=1, keepdims=True)
    return np.log((np.exp(X - m) * (1 - T)).sum(axis=1, keepdims=True)) + m - (X * T).sum(axis=1, keepdims=True)


def _clipped_outputs(self: Any, Y: Any, delta_next: Any) -> Any:
    return plain.SoftmaxLayer.delta(self, np.clip(Y, 1e-7, 1 - 1e-7), delta_next)


def _last_row_kept(self: Any, X: Any) -> Any:
    Y = X.copy()
    for n in range(len(X) - 1):
        Y[n][Y[n] < 0] = 0
    return Y


def _column_too_few(self: Any, Y: Any, delta_next: Any) -> Any:
    delta_next = delta_next * (np.arange(Y.shape[1]) < Y.shape[1] - 1)
    return Y * (delta_next - (delta_next * Y).sum(axis=1, keepdims=True))


def _inner_for_outer(self: Any, Y: Any, delta_next: Any) -> Any:
    return np.stack([(np.diag(y) - np.dot(y, y.T)) @ d for y, d in zip(Y, delta_next, strict=True)])


def _weighed_by_biases(self: Any, X: Any, delta_next: Any) -> Any:
    return [X.T @ delta_next / len(X), self.b * delta_next.mean(axis=0)]


def _outputs_for_delta(self: Any, X: Any, delta_next: Any) -> Any:
    return [X.T @ (X @ self.W + self.b) / len(X), delta_next.mean(axis=0)]


#: The subject, a wrong coding, and the word for what it does.
OTHER_WORDS: dict[str, tuple[str, Callable[..., Any], str]] = {
    "nothing of the targets": (
        "LossCrossEntropy.forward", lambda self, X, T: -np.log(X.sum(axis=1, keepdims=True)), "wrong-function"
    ),
    "the largest logit in place of the target's": (f"{_LOSS}.forward", _largest_for_target, "wrong-argument"),
    "the logarithm within the sum": (f"{_LOSS}.forward", _logarithm_inside, "wrong-function"),
    "the target left out of the sum": (f"{_LOSS}.forward", _target_not_summed, "term-missing"),
    "one at the predicted class": (
        f"{_LOSS}.delta", lambda self, X, T: softmax(X) - np.eye(X.shape[1])[X.argmax(axis=1)], "wrong-argument"
    ),
    "outputs clipped at both ends": ("SoftmaxLayer.delta", _clipped_outputs, "clipped"),
    "delta_next taken for the outputs": (
        "SoftmaxLayer.delta",
        lambda self, Y, delta_next: plain.SoftmaxLayer.delta(self, softmax(delta_next), delta_next), "wrong-argument",
    ),
    "a column too few": ("SoftmaxLayer.delta", _column_too_few, "term-missing"),
    "an inner product for an outer one": ("SoftmaxLayer.delta", _inner_for_outer, "wrong-function"),
    "the last row left as it was": ("ReLULayer.forward", _last_row_kept, "last-sample-wrong"),
    "rows sorted": ("ReLULayer.forward", lambda self, X: np.sort(np.maximum(X, 0), axis=1), "wrong-function"),
    "whole numbers": ("ReLULayer.forward", lambda self, X: np.trunc(np.maximum(X, 0)), "low-precision"),
    "sizes alone": ("ReLULayer.delta", lambda self, Y, delta_next: np.abs(delta_next) * (Y > 0), "sign"),
    "outputs where the unit is on": (
        "ReLULayer.delta", lambda self, Y, delta_next: np.where(Y > 0, Y, delta_next), "wrong-function"
    ),
    "what is less, the gradient or the mask": (
        "ReLULayer.delta", lambda self, Y, delta_next: np.minimum(delta_next, Y > 0), "wrong-function"
    ),
    "a gradient weighed by the biases": ("LinearLayer.grad", _weighed_by_biases, "wrong-function"),
    "outputs in place of delta_next": ("LinearLayer.grad", _outputs_for_delta, "wrong-argument"),
    "divided by the number of inputs": (
        "LinearLayer.grad",
        lambda self, X, delta_next: [X.T @ delta_next / X.shape[1], delta_next.sum(axis=0) / X.shape[1]], "scaled",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_WORDS)
def test_the_word_is_that_of_the_mistake_and_of_no_other(name: str) -> None:
    """Of several mistakes that give nearly the same answers, the one that was made is named, and nothing besides."""
    subject, method, word = OTHER_WORDS[name]
    assert of_values(subject, method).mistakes == (word,)


def _outer(self: Any, Y: Any, delta_next: Any) -> Any:
    return np.stack([(np.diag(y) - np.outer(y, y)) @ d for y, d in zip(Y, delta_next, strict=True)])


def _row_by_row(self: Any, X: Any) -> Any:
    Y = X.copy()
    for n in range(len(X)):
        Y[n][Y[n] < 0] = 0
    return Y


#: Right codings that look like wrong ones above.
RIGHT: dict[str, tuple[str, Callable[..., Any]]] = {
    "the logarithm of a sum": (
        "LossCrossEntropy.forward", lambda self, X, T: -np.log((X * T).sum(axis=1, keepdims=True))
    ),
    "an outer product": ("SoftmaxLayer.delta", _outer),
    "row by row": ("ReLULayer.forward", _row_by_row),
    "one at the target": (
        f"{_LOSS}.delta", lambda self, X, T: softmax(X) - np.eye(X.shape[1])[T.argmax(axis=1)],
    ),
    "a product divided by the samples": (
        "LinearLayer.grad",
        lambda self, X, delta_next: [np.einsum("nd,nu->du", X, delta_next) / len(X), delta_next.sum(axis=0) / len(X)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_code_that_looks_like_a_mistake_has_no_fault(name: str) -> None:
    """Every check of the method holds."""
    assert failures(*RIGHT[name]) == []


@pytest.mark.parametrize("copies", [True, False])
def test_a_copy_of_the_weights_is_memory_and_a_view_is_none(copies: bool) -> None:
    """Who writes into W changes the view as well; the copy is that of the numbers at the start."""

    def initialize(self: Any) -> None:
        plain.LinearLayer.initialize(self)
        self.turned = self.W.T.copy() if copies else self.W.T

    def delta(self: Any, Y: Any, delta_next: Any) -> Any:
        return delta_next @ self.turned

    classes = with_methods("LinearLayer", {"initialize": initialize, "delta": delta})
    found = [each for each in examined(classes, concerned("LinearLayer.delta")) if each.status == "failed"]
    assert {word for each in found for word in each.mistakes} == ({"stateful"} if copies else set())


def test_of_two_failures_that_are_as_gross_the_one_with_a_word_is_shown() -> None:
    """A shift by the largest logit or 0 gives NaN for very negative ones; later checks tell that from other shifts."""
    subject = "SoftmaxLayer.forward"

    def forward(self: Any, X: Any) -> Any:
        E = np.exp(X - np.maximum(X.max(axis=1, keepdims=True), 0))
        return E / E.sum(axis=1, keepdims=True)

    main = Method(subject, tuple(failures(subject, forward))).main
    assert main is not None
    assert main.mistake == "log-of-zero"


@pytest.mark.parametrize("name", CODED)
def test_mistakes_that_nobody_listed_are_named_with_their_constants(name: str) -> None:
    """By all their words, and with the constants as they were written."""
    subject, method, words, constants = CODED[name]
    found = of_values(subject, method)
    assert set(found.mistakes) == words
    assert found.mistake == found.mistakes[0]
    assert found.came is not None
    told = {name: value for each in found.came.more if each.kind == "estimated" for name, value in each["constants"]}
    assert constants.items() <= told.items()


@pytest.mark.parametrize("shape", ["column", "flat", "scalar"])
def test_a_wrong_shape_does_not_hide_what_is_wrong_with_the_values(shape: str) -> None:
    """The check of types tells of the shape, and that of values of the values."""

    def forward(self: Any, X: Any, T: Any) -> Any:
        found = losses(X, T) / X.shape[1]
        return {"column": found, "flat": found[:, 0], "scalar": found.mean()}[shape]

    found = {each.check: each for each in failures("LossCrossEntropy.forward", forward)}
    types = found.get("cross_entropy.forward.types")
    assert (types is None) == (shape == "column")
    assert types is None or types.mistake == "wrong-shape"
    due = {"divided-by-classes", *(["averaged-over-batch"] if shape == "scalar" else [])}
    assert set(found["cross_entropy.forward.values"].mistakes) == due


def test_what_needs_forward_first_and_is_wrong_after_it_has_both_names() -> None:
    """The answer that comes right after forward is diagnosed as well."""

    def forward(self: Any, X: Any) -> Any:
        self.X = X
        return X @ self.W + self.b

    def grad(self: Any, X: Any, delta_next: Any) -> Any:
        return [self.X.T @ delta_next, delta_next.sum(axis=0)]

    classes = with_methods("LinearLayer", {"forward": forward, "grad": grad})
    found = next(each for each in examined(classes, concerned("LinearLayer.grad")) if each.status == "failed")
    assert found.check == "linear.grad.answers"
    assert found.mistakes == ("stateful", "not-averaged")


@pytest.mark.parametrize("name", ["clipped probabilities", "a clipped answer", "a threshold", "an epsilon"])
def test_nothing_is_called_stateful_that_remembers_nothing(name: str) -> None:
    """The very same call is asked right after forward, and its answer is as wrong."""
    subject, method, *_ = CODED[name]
    assert all("stateful" not in each.mistakes for each in failures(subject, method))


def test_a_time_out_is_not_called_stateful() -> None:
    """It may come or not, whatever was called before."""

    def delta(self: Any, Y: Any, delta_next: Any) -> Any:
        if not hasattr(self, "Y"):
            raise MemoryError
        return delta_next * (Y > 0)

    def forward(self: Any, X: Any) -> Any:
        self.Y = np.maximum(X, 0)
        return self.Y.copy()

    found = examined(with_methods("ReLULayer", {"forward": forward, "delta": delta}), concerned("ReLULayer.delta"))
    assert next(each for each in found if each.status == "failed").mistakes == ("memory",)


def test_the_smallest_case_shows_the_defect_that_was_found() -> None:
    """Averaged over the classes, this loss is right for two of them, and no number for one: three show it."""
    subject, method, *_ = CODED["all classes judged, and a mean over them"]
    found = of_values(subject, method)
    assert np.shape(found.counterexample["X"])[1] > 2
    assert found.came is not None
    assert np.isfinite(found.came["value"])


def test_the_grossest_failure_is_shown_in_full() -> None:
    """A maximum of the whole batch loses digits first, and gives a NaN later: the NaN is what is shown."""
    subject = "SoftmaxLayer.forward"

    def forward(self: Any, X: Any) -> Any:
        E = np.exp(X - X.max())
        return E / E.sum(axis=1, keepdims=True)

    found = failures(subject, forward)
    main = Method(subject, tuple(found)).main
    assert main is not None
    assert main.came is not None
    assert len(found) > 1
    assert not np.isfinite(main.came["value"])


def test_the_allowed_error_is_told() -> None:
    """As a number of the fact, and in the sentence."""
    found = of_values("LossCrossEntropy.forward", lambda self, X, T: 2 * losses(X, T))
    assert found.due is not None
    (allowed,) = (each["error"] for each in found.due.more if each.kind == "allowed")
    assert allowed == found.bound
    assert f"to within {allowed:.2g}" in str(found.expected)


def test_a_constant_answer_is_called_nothing() -> None:
    """It is clipped, scaled and rounded from anything."""
    found = of_values("SoftmaxLayer.forward", lambda self, X: np.full(X.shape, 0.25))
    assert found.mistake is None


def test_codings_of_a_second_hand_are_counted() -> None:
    """Caught, named rightly, wrongly or not, in a row for each Python class and one for all."""
    results = [judged(each) for each in CODINGS[30::96]]
    table = summary(results)
    assert table.rows[-1]["codings"] == 2
    assert table.rows[-1]["caught"] == sum(each.caught for each in results)
