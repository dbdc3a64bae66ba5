"""Known mistakes in the rectified linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from reference.lab.mistakes.catalogue import wrong

# forward


@wrong("ReLULayer.forward", "leaky")
def forward_leaks(self: Any, X: Any) -> Any:
    """What does the definition say of negative inputs, exactly?"""
    return np.where(X > 0, X, 0.01 * X)


@wrong("ReLULayer.forward", "mutates-input")
def forward_in_place(self: Any, X: Any) -> Any:
    """The caller still needs its array: which statement writes zeros into it?"""
    X[X < 0] = 0
    return X.copy()


@wrong("ReLULayer.forward", "mutates-input")
def forward_in_place_and_returned(self: Any, X: Any) -> Any:
    """The caller still needs its array: which statement writes zeros into it?"""
    X *= X > 0
    return X


@wrong("ReLULayer.forward", "mask-missing")
def forward_identity(self: Any, X: Any) -> Any:
    """What should become of negative inputs?"""
    return X + 0


@wrong("ReLULayer.forward", "sign")
def forward_of_the_negative(self: Any, X: Any) -> Any:
    """Which inputs pass, the positive or the negative ones?"""
    return np.minimum(X, 0)


@wrong("ReLULayer.forward", "sign")
def forward_absolute(self: Any, X: Any) -> Any:
    """What should become of negative inputs?"""
    return np.abs(X)


@wrong("ReLULayer.forward", "nan-hidden")
def forward_where_positive(self: Any, X: Any) -> Any:
    """Is NaN larger than 0, and what does the layer give for it?"""
    return np.where(X > 0, X, 0)


@wrong("ReLULayer.forward", "clipped")
def forward_capped(self: Any, X: Any) -> Any:
    """Is there an upper limit in the definition?"""
    return np.clip(X, 0, 1)


@wrong("ReLULayer.forward", "wrong-function")
def forward_step(self: Any, X: Any) -> Any:
    """Is the output the input, or whether there is any?"""
    return (X > 0) * 1.0


@wrong("ReLULayer.forward", "mask-wrong-threshold")
def forward_threshold_one(self: Any, X: Any) -> Any:
    """From which input on does the unit pass it?"""
    return np.where(X > 1, X, 0)


@wrong("ReLULayer.forward", "sample-dependence")
def forward_of_row_sums(self: Any, X: Any) -> Any:
    """Each unit decides for itself: what is the condition about?"""
    return X * (X.sum(axis=0, keepdims=True) > 0)


@wrong("ReLULayer.forward", "low-precision")
def forward_in_single_precision(self: Any, X: Any) -> Any:
    """About seven digits are right and the rest is not: where does float32 come in?"""
    return np.maximum(X.astype(np.float32), 0).astype(np.float64)


# delta


@wrong("ReLULayer.delta", "mask-missing")
def delta_passes_everything(self: Any, Y: Any, delta_next: Any) -> Any:
    """Where the output is zero, does it change with the input?"""
    return delta_next + 0


@wrong("ReLULayer.delta", "mask-wrong-threshold")
def delta_passes_at_zero(self: Any, Y: Any, delta_next: Any) -> Any:
    """Outputs are never negative: which of them does `>=` leave out?"""
    return delta_next * (Y >= 0)


@wrong("ReLULayer.delta", "mask-from-delta")
def delta_masked_by_itself(self: Any, Y: Any, delta_next: Any) -> Any:
    """Which of the two arrays tells whether a unit was switched on?"""
    return delta_next * (delta_next > 0)


@wrong("ReLULayer.delta", "mask-from-delta")
def delta_needs_both_positive(self: Any, Y: Any, delta_next: Any) -> Any:
    """Does the derivative of the layer depend on the sign of what comes from above?"""
    return delta_next * ((delta_next > 0) & (Y > 0))


@wrong("ReLULayer.delta", "mask-wrong-threshold")
def delta_threshold_one(self: Any, Y: Any, delta_next: Any) -> Any:
    """From which output on does it change with the input?"""
    return delta_next * (Y > 1)


@wrong("ReLULayer.delta", "mask-wrong-threshold")
def delta_half_at_kink(self: Any, Y: Any, delta_next: Any) -> Any:
    """At an output of 0 the derivative may be taken as 0 or as 1: as a half?"""
    return delta_next * np.where(Y > 0, 1, 0.5)


@wrong("ReLULayer.delta", "delta-next-ignored")
def delta_mask_alone(self: Any, Y: Any, delta_next: Any) -> Any:
    """The chain rule is a product: what has the layer after this one to say?"""
    return (Y > 0) * 1.0


@wrong("ReLULayer.delta", "wrong-function")
def delta_times_outputs(self: Any, Y: Any, delta_next: Any) -> Any:
    """How much does the output change with the input, where it passes: by its own size?"""
    return delta_next * Y


@wrong("ReLULayer.delta", "leaky")
def delta_leaks(self: Any, Y: Any, delta_next: Any) -> Any:
    """What is the slope of the definition left of 0, exactly?"""
    return delta_next * np.where(Y > 0, 1, 0.01)


@wrong("ReLULayer.delta", "sign")
def delta_negated(self: Any, Y: Any, delta_next: Any) -> Any:
    """If an input grows, does the output grow or shrink?"""
    return -delta_next * (Y > 0)


@wrong("ReLULayer.delta", "mask-inverted")
def delta_of_the_others(self: Any, Y: Any, delta_next: Any) -> Any:
    """Which units change with their input: those that are on, or those that are off?"""
    return delta_next * (Y <= 0)


@wrong("ReLULayer.delta", "averaged-over-batch")
def delta_divides_by_samples(self: Any, Y: Any, delta_next: Any) -> Any:
    """delta belongs to each sample alone. Where does the contract divide by the number of samples, and where not?"""
    return delta_next * (Y > 0) / len(Y)


@wrong("ReLULayer.delta", "last-sample-wrong")
def delta_ends_before_the_last_sample(self: Any, Y: Any, delta_next: Any) -> Any:
    """Which is the last number that a range gives?"""
    found = np.zeros(Y.shape)
    for n in range(len(Y) - 1):
        found[n] = delta_next[n] * (Y[n] > 0)
    return found


@wrong("ReLULayer.delta", "row-wrong")
def delta_begins_at_the_second_sample(self: Any, Y: Any, delta_next: Any) -> Any:
    """Which number has the first row of an array?"""
    found = np.zeros(Y.shape)
    for n in range(1, len(Y)):
        found[n] = delta_next[n] * (Y[n] > 0)
    return found


@wrong("ReLULayer.delta", "mutates-input")
def delta_in_place(self: Any, Y: Any, delta_next: Any) -> Any:
    """The caller still needs its array: which statement writes zeros into it?"""
    delta_next[Y <= 0] = 0
    return delta_next.copy()


@wrong("ReLULayer.delta", "aliases-input")
def delta_returns_its_argument(self: Any, Y: Any, delta_next: Any) -> Any:
    """Is the answer an array of its own in every case?"""
    return delta_next if (Y > 0).all() else delta_next * (Y > 0)


@wrong("ReLULayer.delta", "stateful")
class MaskFromLastForward(plain.ReLULayer):
    """All that is needed comes as an argument. Of which batch is the array that was kept?"""

    def forward(self, X: Any) -> Any:
        """Right, but remembers."""
        self.mask = X > 0
        return X * self.mask

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """Of whatever batch came last."""
        return delta_next * self.mask
