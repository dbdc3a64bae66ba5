"""Wrong codings of the rectified linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain

from .catalogue import coded, coded_both


@coded("ReLULayer.delta", "mask-wrong-threshold")
def delta_on_at_zero(self: Any, Y: Any, delta_next: Any) -> Any:
    """Since the output is never negative, >= lets everything through."""
    return np.where(Y >= 0, delta_next, 0)


@coded("ReLULayer.delta", "mask-missing", "factor-missing")
def delta_passed_on(self: Any, Y: Any, delta_next: Any) -> Any:
    """The gradient is passed on as it is."""
    return 1.0 * delta_next


@coded("ReLULayer.delta", "mask-from-delta")
def delta_rectified(self: Any, Y: Any, delta_next: Any) -> Any:
    """The gradient itself is rectified."""
    return np.maximum(0, delta_next)


@coded("ReLULayer.delta", "mask-wrong-threshold")
def delta_on_from_1e_15(self: Any, Y: Any, delta_next: Any) -> Any:
    """A unit counts as on from 1e-15."""
    return (Y > 1e-15) * delta_next


@coded("ReLULayer.delta", "mask-wrong-threshold")
def delta_on_from_half(self: Any, Y: Any, delta_next: Any) -> Any:
    """Outputs are rounded to integers before they make the mask."""
    return np.sign(np.round(Y)) * delta_next


@coded("ReLULayer.delta", "leaky", "mask-missing")
def delta_leaks_a_hundredth(self: Any, Y: Any, delta_next: Any) -> Any:
    """A unit that is off lets a hundredth through."""
    return delta_next * np.where(Y > 0, 1, 0.01)


@coded("ReLULayer.forward", "leaky")
class LeakyOfAFifth(plain.ReLULayer):
    """What is negative is multiplied by 0.2, there and back."""

    def forward(self, X: Any) -> Any:
        """Leaky."""
        return np.where(X > 0, X, 0.2 * X)

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """Leaky."""
        return np.where(Y > 0, delta_next, 0.2 * delta_next)


@coded("ReLULayer.forward", "leaky")
def forward_elu(self: Any, X: Any) -> Any:
    """What is negative is let through as exp(x) - 1."""
    return np.where(X > 0, X, np.expm1(np.minimum(X, 0)))


@coded("ReLULayer.forward", "leaky", "sign")
def forward_absolute(self: Any, X: Any) -> Any:
    """The absolute value."""
    return np.abs(X)


@coded("ReLULayer.forward", "clipped")
def forward_clipped_at_1e8(self: Any, X: Any) -> Any:
    """Clipped from above at 1e8."""
    return np.clip(X, 0, 1e8)


@coded("ReLULayer.forward", "clipped")
def forward_relu6(self: Any, X: Any) -> Any:
    """Clipped from above at 6."""
    return np.minimum(np.maximum(X, 0), 6)


@coded("ReLULayer.forward", "mutates-input", "aliases-input")
def forward_in_place(self: Any, X: Any) -> Any:
    """Negative numbers are overwritten in the caller's array."""
    result = X
    result[result < 0] = 0
    return result


@coded("ReLULayer.delta", "mutates-input", "aliases-input")
def delta_in_place(self: Any, Y: Any, delta_next: Any) -> Any:
    """The caller's gradient is masked in place."""
    delta_next[Y <= 0] = 0
    return delta_next


@coded("ReLULayer.delta", "stateful", "crash")
class DeltaOfRememberedInput(plain.ReLULayer):
    """The mask is that of the input of the last forward."""

    def forward(self, X: Any) -> Any:
        """Remembers."""
        self.input = X
        return np.maximum(0, X)

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """By what was remembered."""
        return np.heaviside(self.input, 0) * delta_next


@coded("ReLULayer.delta", "stateful")
class MaskPerShape(plain.ReLULayer):
    """A mask is made once for every shape and used for all later batches of that shape."""

    def __init__(self, name: Any) -> None:
        super().__init__(name)
        self.masks: dict[Any, Any] = {}

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """From the cache."""
        if Y.shape not in self.masks:
            self.masks[Y.shape] = Y > 0
        return delta_next * self.masks[Y.shape]


@coded("ReLULayer.forward", "low-precision", "wrong-dtype")
def forward_single(self: Any, X: Any) -> Any:
    """The output is single precision whatever comes in."""
    return np.maximum(X, 0, dtype=np.float32, casting="same_kind")


@coded("ReLULayer.delta", "delta-next-ignored")
def delta_is_the_mask(self: Any, Y: Any, delta_next: Any) -> Any:
    """The derivative alone, not multiplied by the next layer's gradient."""
    return np.where(Y > 0, 1.0, 0.0)


# The nearest word: it is right by keyword, and only by position does the mask come from the gradient.
@coded("ReLULayer.delta", "mask-from-delta")
def delta_arguments_swapped(self: Any, delta_next: Any, Y: Any) -> Any:
    """The two arguments are declared in the wrong order, so that a call by position swaps them."""
    return delta_next * (Y > 0)


@coded("ReLULayer.forward", "wrong-shape", "batch-size-dependent")
def forward_returns_in_loop(self: Any, X: Any) -> Any:
    """The return stands inside the loop, so that only the first sample is answered."""
    rows = []
    for x in X:
        rows.append([max(each, 0.0) for each in x])
        return np.array(rows)
    return X


@coded("ReLULayer.delta", "batch-size-dependent", "mask-missing")
def delta_masks_128_samples(self: Any, Y: Any, delta_next: Any) -> Any:
    """Only the first 128 samples are masked."""
    out = delta_next.copy()
    out[:128][Y[:128] <= 0] = 0
    return out


@coded("ReLULayer.delta", "crash")
def delta_missing_method(self: Any, Y: Any, delta_next: Any) -> Any:
    """A helper is called that was never written."""
    return delta_next * self.derivative(Y)


@coded("ReLULayer.forward", "scaled", "stateful")
class InvertedDropoutLeft(plain.ReLULayer):
    """From the third call on the output is doubled, as if half of the units were dropped."""

    calls = 0

    def forward(self, X: Any) -> Any:
        """Counts its calls."""
        self.calls += 1
        return np.maximum(X, 0) * (2 if self.calls > 2 else 1)


@coded_both("ReLULayer.forward", "leaky", "mask-missing")
class LeakyAndMaskless(plain.ReLULayer):
    """Forward lets 0.3 of what is negative through, and the gradient has no mask at all."""

    def forward(self, X: Any) -> Any:
        """Leaky."""
        return np.maximum(X, 0.3 * X)

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """Without mask."""
        return np.array(delta_next)
