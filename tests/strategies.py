"""What Hypothesis draws for the layers: arrays of short numbers, logits of every kind, targets, cotangents."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Whether this run may take long (`tox -e nightly`).
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
#: For a property whose every example takes long: 25 examples, but as many as any other at night.
few_examples = settings() if NIGHTLY else settings(max_examples=min(settings().max_examples, 25))

#: Multiples of 1/8: a counterexample made of them can be read aloud.
SHORT = st.integers(-32, 32).map(lambda k: k / 8)
#: Never 0, so that no term of a sum is invisible.
NON_ZERO = SHORT.filter(lambda x: x != 0)

LARGEST = float(np.finfo(np.float64).max)
#: Logits at which naive formulas overflow, underflow or cancel.
EXTREME = st.one_of(
    st.sampled_from([0.0, 700.0, -700.0, 745.0, -745.0, 746.0, 709.0, 710.0, 1e4, -1e4, 1e8, -1e8, LARGEST, -LARGEST]),
    st.floats(-800, 800),
    st.floats(-LARGEST, LARGEST),
)


def arrays(*shape: int, elements: st.SearchStrategy[float] = SHORT) -> st.SearchStrategy[Array]:
    """Arrays of that shape."""
    return hnp.arrays(np.float64, shape, elements=elements)


@st.composite
def sizes(draw: st.DrawFn, n_axes: int, least: int = 1) -> tuple[int, ...]:
    """Lengths of axes, small."""
    return tuple(draw(st.integers(least, 4)) for _ in range(n_axes))


@st.composite
def one_hot(draw: st.DrawFn, n: int, k: int) -> Array:
    """Targets (n, k)."""
    labels = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    return np.eye(k)[labels]


@st.composite
def soft(draw: st.DrawFn, n: int, k: int) -> Array:
    """Targets (n, k) that are distributions with several classes."""
    weights = draw(hnp.arrays(np.float64, (n, k), elements=st.integers(0, 8).map(float)))
    weights[:, 0] += 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@st.composite
def layouts(draw: st.DrawFn, array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in some memory layout; read-only, so that nobody can write into them."""
    kind = draw(st.sampled_from(["C", "F", "strided", "reversed"]))
    if kind == "strided":
        wide = np.full(tuple(2 * n for n in array.shape), np.nan, array.dtype)
        laid = wide[tuple(slice(None, None, 2) for _ in array.shape)]
        laid[...] = array
    elif kind == "reversed":
        backwards = tuple(slice(None, None, -1) for _ in array.shape)
        laid = np.array(array[backwards])[backwards]
    else:
        laid = np.array(array, order="C" if kind == "C" else "F")
    laid.flags.writeable = False
    return laid
