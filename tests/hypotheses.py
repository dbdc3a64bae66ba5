"""Wrong gradients, each with the hypothesis that reproduces it: of the whole gradient, its factors, turns and masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reference.gradients.diagnosis import factors, families, inside, loops, masks, whole
from reference.gradients.diagnosis.named import Named
from reference.gradients.diagnosis.samples import Samples
from reference.gradients.diagnosis.view import seen
from tests.gradients import drawn
from tests.test_diagnosis_turns import alone, flipped, without

Hypothesis = Callable[[Samples], Any]
X, Y, W, S, V = drawn(4, 3), drawn(4, 3) + 2.0, drawn(3, 4) / 2, drawn(3, 3), drawn(5)
FACTOR, MASK = drawn(4, 3) + 3.0, (np.arange(12).reshape(4, 3) % 3 > 0) * 2.0
EPS = 0.005


def of_view(hypothesis: Callable[..., Iterator[Named]], *, keep_all: bool = True) -> Hypothesis:
    return lambda samples: hypothesis(seen(samples, keep_all=keep_all))


def of_loop(hypothesis: Callable[..., Iterator[Named]]) -> Hypothesis:
    def found(samples: Samples) -> Iterator[Named]:
        roles = loops.roles_of(samples.graph.nodes)
        view = seen(samples, of_all=True)
        loops._restore(view, roles)
        return hypothesis(loops._Trial(view, roles))

    return found


def product(x: Any, y: Any) -> Any:
    return np.sin(x) * y


def product_vjp(of_x: Callable[..., Any]) -> Callable[..., Any]:
    return lambda c, x, y: (of_x(c, x, y), c * np.sin(x))


def layer(x: Any, w: Any) -> Any:
    return np.tanh(x) @ w


def layer_vjp(of_x: Callable[..., Any]) -> Callable[..., Any]:
    return lambda c, x, w: (of_x(c, x, w), np.tanh(x).T @ c)


def dropped(x: Any) -> Any:
    return x**2 * MASK


def dropped_vjp(mask: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda c, x: (c * 2 * x * mask(x),)


def larger(x: Any, y: Any) -> Any:
    return np.maximum(np.sin(3 * x), np.cos(y))


def larger_vjp(mask: Callable[..., Any]) -> Callable[..., Any]:
    return lambda c, x, y: (c * 3 * np.cos(3 * x) * mask(c, x, y), -c * np.sin(y) * ~mask(c, x, y))


def centred(x: Any) -> Any:
    return (x - x.mean(axis=1, keepdims=True)) * FACTOR


def root(x: Any) -> Any:
    return np.sqrt(x**2 + EPS)


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def logistic_vjp(slope: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda c, x: (c * slope(x, logistic(x)),)


def three_ways(x: Any) -> Any:
    return np.sin(x) * FACTOR + np.exp(x) + x**3 + np.tanh(x)


def powers(x: Any) -> Any:
    return np.sin(x) ** 2 * FACTOR + np.cos(x) ** 3 + x


def steps(c: Any, x: Any, h: float, ends: tuple[int, int]) -> Any:
    def value(of: Any) -> Any:
        return np.sin(of) * of

    return (c * (value(x + h * ends[0]) - value(x - h * ends[1])) / (h * sum(ends)),)


def squared(x: Any) -> Any:
    return x.T * FACTOR[:3, :3] + x**2


def softmax(x: Any) -> Any:
    return np.exp(x) / np.exp(x).sum(axis=0)


def scattered(c: Any, x: Any) -> Any:
    found = np.zeros_like(x)
    found[[0, 1, 2], [1, 2, 0]] = 2 * c * x[[0, 1, 2], [2, 0, 1]]
    return (found,)


def pushed(x: Any) -> Any:
    y = np.zeros_like(x)
    y[1:] = x[:-1]
    return y * 1.0


GATES = drawn(5, 3) + 2.0


def gated_turns(x: Any, w: Any) -> Any:
    h, out = np.zeros(3), []
    for each, gate in zip(x, GATES, strict=True):
        h = np.tanh(each + h @ w) * gate
        out.append(h)
    return np.stack(out)


def gated_turns_vjp(c: Any, x: Any, w: Any) -> Any:
    """Its gradient, where the derivative of the gates is left out."""
    states = [np.zeros(3), *gated_turns(x, w)]
    dx, dw, dh = np.zeros_like(x), np.zeros_like(w), np.zeros(3)
    for t in range(len(x) - 1, -1, -1):
        dx[t] = (c[t] + dh) * (1 - (states[t + 1] / GATES[t]) ** 2)
        dw += np.outer(states[t], dx[t])
        dh = w @ dx[t]
    return dx, dw


ROW = (np.arange(4) == 2)[:, None]
LAST = (np.arange(4) == 3)[:, None]
ENTRY = ROW & (np.arange(3) == 1)

#: The hypothesis, a forward pass, a wrong gradient, the arguments, which of them is asked about, and the word.
WHOLE: dict[str, tuple[Hypothesis, Any, Any, tuple[Any, ...], int, str]] = {
    # The whole gradient.
    "zeros but for rounding": (
        whole._zero, product, product_vjp(lambda c, x, y: 1e-16 * c * y), (X, Y), 0, "term-missing",
    ),
    "zeros": (whole._zero, product, product_vjp(lambda c, x, y: 0 * x), (X, Y), 0, "term-missing"),
    "no cotangent": (
        whole._cotangent_ignored, product, product_vjp(lambda c, x, y: np.cos(x) * y), (X, Y), 0, "delta-next-ignored",
    ),
    "a third": (whole._factor, product, product_vjp(lambda c, x, y: c * np.cos(x) * y / 3), (X, Y), 0, "scaled"),
    "the negative": (whole._factor, product, product_vjp(lambda c, x, y: -c * np.cos(x) * y), (X, Y), 0, "sign"),
    "in single precision": (
        whole._low_precision, product, product_vjp(lambda c, x, y: (c * np.cos(x) * y).astype(np.float32)), (X, Y), 0,
        "low-precision",
    ),
    "in half precision": (
        whole._low_precision, product, product_vjp(lambda c, x, y: (c * np.cos(x) * y).astype(np.float16)), (X, Y), 0,
        "low-precision",
    ),
    "of arguments in single precision": (
        whole.imprecise, lambda x: np.sin(x) * FACTOR, lambda c, x: (c * np.cos(x.astype(np.float32)) * FACTOR,), (X,),
        0, "low-precision",
    ),
    **{
        f"differences {ends} of step {h}": (
            whole._finite_differences, lambda x: np.sin(x) * x, lambda c, x, h=h, ends=ends: steps(c, x, h, ends),
            (V,), 0, "finite-differences",
        )
        for h, ends in ((1e-5, (1, 0)), (1e-3, (0, 1)), (1e-2, (1, 1)), (0.1, (1, 0)))
    },
    "gradients exchanged": (
        whole._swapped, product, lambda c, x, y: (c * np.sin(x), c * np.cos(x) * y), (X, Y), 0, "swapped",
    ),
    "a transpose of a matrix": (
        whole._transposed, squared, lambda c, x: ((c * FACTOR[:3, :3] + c.T * 2 * x.T),), (S,), 0, "transposed",
    ),
    "a transpose in its own shape": (
        whole._transposed, lambda x: x**2, lambda c, x: ((2 * c * x).T,), (X,), 0, "transposed",
    ),
    "a transposed cotangent": (
        whole.of_turned_cotangent, squared, lambda c, x: (c * FACTOR[:3, :3].T + 2 * x * c.T,), (S,), 0, "transposed",
    ),
    "a transposed Jacobian matrix": (
        whole.of_turned_cotangent, lambda x: FACTOR[:3, :3] @ x, lambda c, x: (FACTOR[:3, :3] @ c,), (drawn(3),), 0,
        "transposed",
    ),
    "the diagonal of the Jacobian matrix": (
        whole._diagonal_only, lambda x: np.sin(FACTOR[:3, :3] @ x),
        lambda c, x: (c * np.diag(FACTOR[:3, :3]) * np.cos(FACTOR[:3, :3] @ x),), (drawn(3),), 0,
        "jacobian-diagonal-only",
    ),
    "one entry": (
        whole.in_one_place, product, product_vjp(lambda c, x, y: c * np.cos(x) * y + ENTRY), (X, Y), 0, "entry-wrong",
    ),
    "one row": (
        whole.in_one_place, product, product_vjp(lambda c, x, y: c * np.cos(x) * y * (1 + ROW)), (X, Y), 0,
        "row-wrong",
    ),
    "the last row": (
        whole.in_one_place, product, product_vjp(lambda c, x, y: c * np.cos(x) * y * (1 + LAST)), (X, Y), 0,
        "last-sample-wrong",
    ),
    "a bias without its sum": (
        whole._not_summed, lambda x, s: np.sin(x) + s, lambda c, x, s: (c * np.cos(x), c), (X, drawn(3)), 1,
        "not-summed",
    ),
    "a sum too many": (
        whole._summed_too_far, product, product_vjp(lambda c, x, y: (c * np.cos(x) * y).sum(axis=1)), (X, Y), 0,
        "wrong-axis",
    ),
    "a sum along the other axis": (
        whole._other_axis, lambda x, s: np.sin(x) + s, lambda c, x, s: (c * np.cos(x), c.sum(axis=1)), (X, drawn(3)),
        1, "wrong-axis",
    ),
    "a sum of products along the other axis": (
        whole._other_axis, lambda x, s: np.sin(x) * s, lambda c, x, s: (c * np.cos(x) * s, (c * np.sin(x)).sum(axis=1)),
        (X, drawn(3)), 1, "wrong-axis",
    ),
    "a sum over all": (
        of_view(inside._found), lambda x, s: np.sin(x) + s, lambda c, x, s: (c * np.cos(x), np.full(3, c.sum())),
        (X, drawn(3)), 1, "wrong-axis",
    ),
    "a mean over all": (
        of_view(inside._found), lambda x, s: np.sin(x) + s, lambda c, x, s: (c * np.cos(x), np.full(3, c.sum() / 3)),
        (X, drawn(3)), 1, "wrong-axis",
    ),
    # Factors.
    **{
        f"another argument as {word}": (
            factors._with_other_values, layer, layer_vjp(lambda c, x, w, of=of: (1 - np.tanh(x) ** 2) * (c @ of(w).T)),
            (X[:, :3], drawn(3, 3)), 0, word,
        )
        for word, of in (("factor-missing", np.ones_like), ("transposed", np.transpose), ("sign", np.negative))
    },
    "another argument as zeros": (
        factors._with_other_values, lambda x, y: np.sin(x) * y + x, lambda c, x, y: (c, c * np.sin(x)), (X, Y), 0,
        "term-missing",
    ),
    "a mask as ones": (
        factors._with_other_values, dropped, dropped_vjp(np.ones_like), (X,), 0, "mask-missing",
    ),
    "one argument for another": (
        factors._taken_for_another, lambda x, y: np.sin(x) * np.exp(y), lambda c, x, y: (c * np.cos(y) * np.exp(y), c),
        (X, Y), 0, "wrong-argument",
    ),
    "two arguments for each other": (
        factors._taken_for_another, lambda x, y: np.sin(x) * np.exp(y), lambda c, x, y: (c * np.cos(y) * np.exp(x), c),
        (X, Y), 0, "wrong-argument",
    ),
    "without a factor": (
        factors._without_factor, product, product_vjp(lambda c, x, y: c * np.cos(x)), (X, Y), 0, "factor-missing",
    ),
    "divided by a count for a sum": (
        factors._without_factor, lambda x, w: (w * x**2).sum() / w.sum(),
        lambda c, x, w: (c * 2 * w * x / 6, c * x), (drawn(6), drawn(6) ** 2), 0, "scaled",
    ),
    "times another factor": (
        factors._without_factor, product, product_vjp(lambda c, x, y: c * np.cos(x) * y * y), (X, Y), 0,
        "wrong-argument",
    ),
    "times what is divided by": (
        factors._without_factor, lambda x, y: x / y, lambda c, x, y: (c, -c * x / y**2), (X, Y), 0, "factor-missing",
    ),
    "another factor in its place": (
        factors._with_other_factor, product, product_vjp(lambda c, x, y: c * np.cos(x) * np.sin(x)), (X, Y), 0,
        "wrong-argument",
    ),
    "the sum of another product": (
        factors._other_value, lambda x, s: np.sin(x) * s, lambda c, x, s: (c, (c * x).sum(axis=0)), (X, drawn(3)), 1,
        "wrong-argument",
    ),
    # A turn, at one place alone.
    "a flipped cotangent": (
        of_view(families._of_cotangent), product, product_vjp(lambda c, x, y: c[::-1] * np.cos(x) * y), (X, Y), 0,
        "transposed",
    ),
    "a cotangent without its last row": (
        of_view(families._of_cotangent), layer, lambda c, x, w: (0 * x, np.tanh(x).T @ without(0, -1)(c)), (X, W), 1,
        "last-sample-wrong",
    ),
    "a flipped gradient": (
        of_view(families._of_cotangent), product, product_vjp(lambda c, x, y: (c * np.cos(x) * y)[:, ::-1]), (X, Y), 0,
        "transposed",
    ),
    "a flipped argument": (
        of_view(families._of_cotangent), product, product_vjp(lambda c, x, y: c * np.cos(x) * y[::-1, ::-1]), (X, Y), 0,
        "transposed",
    ),
    "a flipped step": (
        of_view(families._of_cotangent), lambda x: np.tanh(x) * FACTOR,
        lambda c, x: (c * FACTOR * (1 - np.tanh(x[::-1]) ** 2),), (X,), 0, "transposed",
    ),
    **{
        f"a gradient that leaves a step {word}": (
            of_view(families._of_edges), layer, layer_vjp(lambda c, x, w, of=of: (1 - np.tanh(x) ** 2) * of(c @ w.T)),
            (X, W), 0, word,
        )
        for word, of in (("term-missing", without(0, 0)), ("transposed", flipped(1)))
    },
    "a gradient that enters both inputs of a step in part": (
        of_view(families._of_edges), lambda x: np.sin(x * np.tanh(x)) * FACTOR + x * np.tanh(x) + np.exp(x),
        lambda c, x: (
            c * np.exp(x)
            + without(0, 0)(c * (np.cos(x * np.tanh(x)) * FACTOR + 1)) * (np.tanh(x) + x * (1 - np.tanh(x) ** 2)),
        ), (X,), 0, "term-missing",
    ),
    "a gradient that enters a step in part": (
        of_view(families._of_edges), layer, layer_vjp(lambda c, x, w: (1 - np.tanh(x) ** 2) * (alone(1, 0)(c) @ w.T)),
        (X, W), 0, "not-summed",
    ),
    "one column alone of what leaves a product": (
        of_view(families._of_edges), lambda x, w: x @ w + np.sin(x),
        lambda c, x, w: (alone(1, 0)(c @ w.T) + c * np.cos(x), x.T @ c), (X, S), 0, "term-missing",
    ),
    "a running sum from the wrong end": (
        of_view(families._of_edges), lambda x: np.cumsum(np.sin(x)), lambda c, x: (np.cumsum(c) * np.cos(x),), (V,), 0,
        "transposed",
    ),
    "two of four ways": (
        of_view(families._of_paths), three_ways,
        lambda c, x: (c * (np.cos(x) * FACTOR + 3 * x**2),), (X,), 0, "term-missing",
    ),
    "two ways with the other sign": (
        of_view(families._of_paths), three_ways,
        lambda c, x: (c * (np.cos(x) * FACTOR - np.exp(x) - 3 * x**2 + 1 - np.tanh(x) ** 2),), (X,), 0, "sign",
    ),
    "all powers without their factor": (
        of_view(families._of_one_kind), powers,
        lambda c, x: (c * (FACTOR * np.sin(x) * np.cos(x) - np.cos(x) ** 2 * np.sin(x) + 1),), (X,), 0,
        "factor-missing",
    ),
    "one way without the cotangent": (
        of_view(families._without_cotangent), lambda x: np.sin(x) * FACTOR + np.exp(x),
        lambda c, x: (c * np.cos(x) * FACTOR + np.exp(x),), (X,), 0, "delta-next-ignored",
    ),
    # Masks.
    "a mask of another step": (
        masks._of_choices, larger, larger_vjp(lambda c, x, y: np.sin(3 * x) > 0), (X, Y), 0, "mask-from-other",
    ),
    "a mask of the other side of another step": (
        masks._of_choices, larger, larger_vjp(lambda c, x, y: x <= 0), (X, Y), 1, "mask-from-other",
    ),
    "a mask of the cotangent": (
        masks._of_choices, larger, larger_vjp(lambda c, x, y: c > 0), (X, Y), 0, "mask-from-delta",
    ),
    "a mask of another step at a constant of the formula": (
        masks._of_choices, lambda x: np.maximum(np.sin(3 * x), 0.25) * FACTOR,
        lambda c, x: (c * 3 * np.cos(3 * x) * (x > 0.25) * FACTOR,), (X,), 0, "mask-from-other",
    ),
    "a mask of the size of another step": (
        masks._of_choices, lambda x: np.maximum(np.sin(3 * x), 0.25) * FACTOR,
        lambda c, x: (c * 3 * np.cos(3 * x) * (np.abs(x) > 0.25) * FACTOR,), (X,), 0, "mask-from-other",
    ),
    "a constant mask of the cotangent": (
        masks._of_constants, dropped, lambda c, x: (c * 2 * x * 2.0 * (c > 0),), (X,), 0, "mask-from-delta",
    ),
    "a constant mask of what is below 0": (
        masks._of_constants, dropped, dropped_vjp(lambda x: 2.0 * (x < 0)), (X,), 0, "mask-from-other",
    ),
    "an open mask": (masks._of_constants, dropped, dropped_vjp(lambda x: 2 + 0 * x), (X,), 0, "mask-missing"),
    "an inverted mask": (masks._of_constants, dropped, dropped_vjp(lambda x: 2 - MASK), (X,), 0, "mask-inverted"),
    "a mask of the argument": (
        masks._of_constants, dropped, dropped_vjp(lambda x: 2.0 * (x > 0)), (X,), 0, "mask-from-other",
    ),
    "a mask that is drawn again": (
        masks._afresh, dropped, dropped_vjp(lambda x: MASK[::-1, ::-1]), (X,), 0, "mask-from-other",
    ),
}  # fmt: skip
