"""Mistakes that can be made in any method."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from reference.lab.contract import MESSAGES, Message
from reference.lab.mistakes import plain
from reference.lab.mistakes.catalogue import CATALOGUE, Mistake, classes_with, wrong
from reference.wording import MISTAKES


def _on_its_side(message: Message) -> Mistake:
    """An answer whose rows and columns are exchanged; as many samples as columns hide its shape."""
    right = getattr(plain.CLASSES[message.cls], message.method)

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        return right(self, *arguments, **named).T

    hint = "Which axis of the answer counts the samples, and is it the same for as many samples as columns?"
    classes = classes_with(message.subject, method)
    return Mistake(f"{message.subject} on its side", message.subject, "wrong-shape", hint, classes)


CATALOGUE += [_on_its_side(message) for message in MESSAGES if len(message.parts) == 1]


def _absent(cls: str) -> Mistake:
    classes = {name: each for name, each in plain.CLASSES.items() if name != cls}
    return Mistake(f"no_{cls}", cls, "missing", MISTAKES["missing"].hint or "", classes)


CATALOGUE += [_absent("SoftmaxLayer"), _absent("MLP")]


@wrong("SoftmaxLayer.delta", "not-implemented")
def softmax_delta_passes(self: Any, Y: Any, delta_next: Any) -> None:
    """The body is still empty, so that the method answers None."""


@wrong("ReLULayer.forward", "not-implemented")
def relu_forward_raises(self: Any, X: Any) -> Any:
    """The body still raises NotImplementedError."""
    raise NotImplementedError


@wrong("LossCrossEntropy.forward", "crash")
def loss_asks_for_another_axis(self: Any, X: Any, T: Any) -> Any:
    """numpy's message names an axis: how many has the array?"""
    return -(T * np.log(X)).sum(axis=2)


@wrong("LinearLayer.delta", "crash")
def linear_delta_without_transposition(self: Any, Y: Any, delta_next: Any) -> Any:
    """numpy's message names two shapes: which of the matrices must lie on its side?"""
    return delta_next @ self.W


@wrong("SoftmaxLayer.delta", "crash")
def softmax_delta_by_matrix_product(self: Any, Y: Any, delta_next: Any) -> Any:
    """An entry-by-entry product and a matrix product are two operations: which one is meant?"""
    return Y @ delta_next


@wrong("LossCrossEntropy.forward", "argument-order")
def loss_takes_targets_first(self: Any, T: Any, X: Any) -> Any:
    """Who calls without names relies on the order of the arguments: which one does the contract list first?"""
    return plain.LossCrossEntropy.forward(self, X, T)


@wrong("LinearLayer.forward", "exits")
def linear_forward_exits(self: Any, X: Any) -> Any:
    """A method must answer or raise, and never end the program."""
    sys.exit("done")


@wrong("LinearLayer.grad", "memory")
def linear_grad_allocates(self: Any, X: Any, delta_next: Any) -> Any:
    """An array is asked for that no machine can hold: which sizes were multiplied?"""
    return np.empty((2**31, 2**28))


@wrong("ReLULayer.forward", "wrong-dtype", "low-precision")
def relu_forward_as_single(self: Any, X: Any) -> Any:
    """The inputs are double precision: what makes single precision of the outputs?"""
    return np.maximum(X, 0).astype(np.float32)


@wrong("LossCrossEntropyForSoftmaxLogits.delta", "wrong-dtype")
def logits_delta_of_objects(self: Any, X: Any, T: Any) -> Any:
    """An array of Python objects is slow, and no array of numbers: where was it made?"""
    return plain.LossCrossEntropyForSoftmaxLogits.delta(self, X, T).astype(object)


@wrong("SoftmaxLayer.forward", "wrong-type")
def softmax_forward_as_list(self: Any, X: Any) -> Any:
    """Lists of lists cannot be calculated with: what makes an array of them?"""
    return plain.SoftmaxLayer("").forward(X).tolist()


@wrong("LinearLayer.forward", "nondeterministic")
def linear_forward_drops_out(self: Any, X: Any) -> Any:
    """Asked twice, the layer answers differently: where does chance come in?"""
    return (X * np.random.default_rng().uniform(0.5, 1.5, X.shape)) @ self.W + self.b


@wrong("LinearLayer.forward", "layout-dependent")
def linear_forward_reads_memory(self: Any, X: Any) -> Any:
    """In which order does the memory hold the entries of a transposed array?"""
    return X.ravel(order="K").reshape(X.shape) @ self.W + self.b


@wrong("ReLULayer.forward", "aliases-input")
def relu_forward_returns_its_argument(self: Any, X: Any) -> Any:
    """Is the answer an array of its own in every case?"""
    return X if (X > 0).all() else np.maximum(X, 0)


@wrong("ReLULayer.forward", "stateful")
class OneBufferForAllAnswers(plain.ReLULayer):
    """The answer that was given must stay as it is: what does the next call write into?"""

    buffer: Any = None

    def forward(self, X: Any) -> Any:
        """Right until the next call."""
        if self.buffer is None or self.buffer.shape != X.shape:
            self.buffer = np.empty(X.shape, X.dtype)
        return np.maximum(X, 0, out=self.buffer)


@wrong("SoftmaxLayer.forward", "stateful")
class AnswerOfTheFirstCall(plain.SoftmaxLayer):
    """A second batch gets the first one's answer: what is kept, and when is it renewed?"""

    kept: Any = None

    def forward(self, X: Any) -> Any:
        """Right for the first batch."""
        if self.kept is None or self.kept.shape != X.shape:
            self.kept = super().forward(X)
        return self.kept.copy()


@wrong("LossCrossEntropy.forward", "wrong-type")
def loss_as_python_number(self: Any, X: Any, T: Any) -> Any:
    """One loss for each sample, in an array: what is a single number?"""
    return [float(x) for x in plain.LossCrossEntropy("").forward(X, T)[:, 0]]
