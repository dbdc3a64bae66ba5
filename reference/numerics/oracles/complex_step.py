"""The complex step: one call of any forward pass gives its derivative along a direction, without truncation error.

For f analytic, f(x + i h d) = f(x) + i h f'(x) d + O(h^2): the imaginary part over h is the derivative along d. Nothing
is subtracted, so that h may be arbitrarily small (Squire and Trapp 1998, *Using complex variables to estimate
derivatives of real functions*, SIAM Rev. 40(1)); with h = 2^-333 the term in h^2 is far below rounding (Martins,
Sturdza and Alonso 2003, *The complex-step derivative approximation*, ACM Trans. Math. Softw. 29(3)). A maximum compares
real parts, as numpy does, so that ReLU works too; at a kink the result is one of the slopes.

Not every forward pass works with complex numbers: one that copies into an array of floats, takes absolute values,
conjugates or rounds to single precision loses the imaginary part or changes its sign. So the result is compared with
finite differences of the forward pass on real numbers, which are less exact.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.numerics import random_rounding, tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import finite_differences
from reference.numerics.oracles.numbers import Numbers
from reference.numerics.sampling import seeded

Array = NDArray[np.float64]
Forward = Callable[..., ArrayLike]


class ComplexStepError(ValueError):
    """The forward pass does not work with complex numbers; the message says how that was found."""


def directional(forward: Forward, args: Sequence[ArrayLike], directions: Sequence[ArrayLike]) -> Estimate:
    """The derivative of ``forward(*args)`` along a direction.

    Parameters
    ----------
    forward
        A function from arrays to an array, of real or of complex numbers.
    args, directions
        The point and the direction: one array for each argument, of the same shapes.

    Returns
    -------
    Estimate
        Of the output's shape. The error is an estimate of the rounding error, from about ten further calls; infinite
        where the output or its derivative is not finite.

    Raises
    ------
    ComplexStepError
        ``forward`` does not carry complex numbers through.
    ValueError
        A direction has another shape than its argument, or an argument does not hold real numbers.
    """
    along = Along(forward, args)
    along.confirm(directions)
    return along.measured(directions)


def vjp(forward: Forward, cotangent: ArrayLike, args: Sequence[ArrayLike]) -> tuple[Estimate, ...]:
    """The gradient of <cotangent, forward(*args)> with respect to each argument, one call for every entry.

    Parameters
    ----------
    forward, args
        As in `directional`.
    cotangent
        Of the output's shape.

    Returns
    -------
    tuple of Estimate
        One for each argument, of its shape.

    Raises
    ------
    ComplexStepError
        ``forward`` does not carry complex numbers through.
    ValueError
        The cotangent has another shape than the output, or an argument does not hold real numbers.
    """
    where = finite_differences.doubles(args, "args")
    weights = np.asarray(cotangent, dtype=np.float64)
    shape = np.shape(forward(*(a.copy() for a in where)))
    if weights.shape != shape:
        raise ValueError(f"cotangent: expected the shape of the output, {shape}, got {weights.shape}")

    def weighted(*moved: NDArray[Any]) -> Any:
        # An output whose cotangent is 0 adds nothing, even if it is NaN.
        return np.where(weights == 0, 0.0, weights * np.asarray(forward(*moved))).sum()

    along = Along(weighted, where)
    rng = seeded(0)
    along.confirm([rng.randn(*a.shape) for a in where])
    gradients = []
    for number, argument in enumerate(where):
        value, error = np.zeros(argument.shape), np.zeros(argument.shape)
        for index in np.ndindex(argument.shape):
            directions = [np.zeros(a.shape) for a in where]
            directions[number][index] = 1.0
            entry = along.measured(directions)
            value[index], error[index] = entry.value, entry.error
        gradients.append(Estimate(value, error))
    return tuple(gradients)


def on_arrays(spec: Callable[..., Any]) -> Forward:
    """A definition in the style of torch tensors (see `reference.lab.definitions`) as a function of numpy arrays."""

    def forward(*args: ArrayLike) -> NDArray[Any]:
        result: NDArray[Any] = spec(*(Numbers(np.asarray(array)) for array in args)).array
        return result

    return forward


class Along:
    """Computes derivatives of one forward pass at one point along any number of directions.

    Parameters
    ----------
    forward, args
        As in `directional`.

    Attributes
    ----------
    passes
        How many times ``forward`` was called with complex numbers.
    """

    def __init__(self, forward: Forward, args: Sequence[ArrayLike]) -> None:
        self._forward = forward
        self._args = finite_differences.doubles(args, "args")
        #: An error, and the length of the direction for which it was measured.
        self._measured: tuple[Array, float] | None = None
        self.passes = 0

    def __call__(self, directions: Sequence[ArrayLike]) -> Estimate:
        """The derivative along ``directions``, an `Estimate` of the output's shape, by one call of ``forward``.

        Its error is the one measured for an earlier direction. That holds for directions that are not much longer, or
        that leave entries out. The first call measures the error, and so does one for a direction more than twice as
        long as the one measured.
        """
        vectors = self._vectors(directions)
        length = _largest(vectors)
        if self._measured is None or length > tolerances.MEASURED_LENGTH * self._measured[1]:
            self._measured = self._measure(vectors), length
        return _estimate(self._derivative(vectors, self._step(vectors)), self._measured[0])

    def measured(self, directions: Sequence[ArrayLike]) -> Estimate:
        """The derivative along ``directions``, with an error that is measured for this direction."""
        vectors = self._vectors(directions)
        return _estimate(self._derivative(vectors, self._step(vectors)), self._measure(vectors))

    def confirm(self, directions: Sequence[ArrayLike]) -> None:
        """Compare the derivative with finite differences of the forward pass on real numbers.

        Raises
        ------
        ComplexStepError
            They disagree, or ``forward`` raises an exception for complex numbers.
        """
        vectors = self._vectors(directions)
        step = self._step(vectors)
        found = self._derivative(vectors, step)
        unsure = self._disagreement(vectors, step, found)
        undecided = np.ones(found.shape, dtype=bool)
        # Small steps come first, since hardly any kinks lie within them. Larger steps, which have smaller rounding
        # errors but may take many kinks for a smooth curve, are only for outputs that are still undecided.
        for near in (tolerances.CONFIRMING_STEP, 1.0):
            differences, error = self._differences(vectors, near)
            if found.shape != differences.shape:
                raise ComplexStepError(
                    f"expected a forward pass that carries complex numbers through: its output has shape "
                    f"{found.shape} for complex numbers, {differences.shape} for real ones"
                )
            allowed = tolerances.COMPLEX_ROUNDING_SAFETY * error + unsure
            with np.errstate(invalid="ignore"):
                off = undecided & (np.abs(found - differences) > allowed)
                undecided = allowed > tolerances.CONFIRMING_ERROR * np.maximum(np.abs(found), np.abs(differences))
            if off.any():
                index = tuple(int(i) for i in np.argwhere(off)[0])
                raise ComplexStepError(
                    "expected a forward pass that carries complex numbers through (no float buffers, absolute values, "
                    f"conjugates or single precision): output {list(index)} has the derivative {found[index]:.6g} by "
                    f"the complex step, {differences[index]:.6g} by differences"
                )
            if not undecided.any():
                break

    def _differences(self, vectors: Sequence[Array], near: float) -> tuple[Array, Array]:
        """The derivative by finite differences of the forward pass on real numbers, and its error."""
        scale = self._scale(vectors)

        def plain(t: float) -> Array:
            return np.asarray(np.real(self._forward(*self._moved(vectors, t))), dtype=np.float64)

        coarse = finite_differences.derivative(plain, scale, near=near)
        return coarse.value, coarse.error

    def _derivative(self, vectors: Sequence[Array], step: float) -> Array:
        return self._imaginary(self._args, vectors, step) / step

    def _measure(self, vectors: Sequence[Array]) -> Array:
        """An estimate of the rounding error of the derivative, in the output's shape.

        It is taken from the scatter of the derivative when the arguments are moved a little and the direction is
        multiplied by random numbers, and from the difference to the derivative by a second step.
        """
        rng = seeded(0)
        step = self._step(vectors)
        roundings = [
            v * (tolerances.PERTURBATION_UNITS * tolerances.DOUBLE_UNIT * rng.randn(*v.shape)) for v in vectors
        ]
        # Random places: at equal distances all values might happen to be rounded in the same way.
        places = rng.uniform(-1, 1, tolerances.COMPLEX_ROUNDING_POINTS)

        def moved(place: float) -> Array:
            factor, much = 1 + rng.uniform(), rng.randn()
            scaled = [factor * (v + much * r) for v, r in zip(vectors, roundings, strict=True)]
            where = self._moved(vectors, place * tolerances.COMPLEX_ROUNDING_RANGE * self._scale(vectors))
            return self._imaginary(where, scaled, step) / step / factor

        with np.errstate(all="ignore"):
            here = self._derivative(vectors, step)
            noise = finite_differences.rounding_noise(
                np.append(places, 0.0), np.array([*(moved(place) for place in places), here])
            )
            seen = tolerances.COMPLEX_ROUNDING_SAFETY * noise + self._disagreement(vectors, step, here)
            return np.asarray(np.maximum(seen, self._scatter(vectors, step)))

    def _scatter(self, vectors: Sequence[Array], step: float) -> Any:
        """The error of the derivative that operations rounded at random show; 0 where the code cannot be followed."""
        try:
            found = random_rounding.scatter(
                lambda *moved: (np.imag(np.asanyarray(self._forward(*moved))),),
                [_complex(a, step, v) for a, v in zip(self._args, vectors, strict=True)],
            )
        except random_rounding.NotAnalyticError as error:
            raise ComplexStepError(f"expected a forward pass of analytic functions, got {error}") from error
        return 0.0 if found is None else tolerances.COMPLEX_SCATTER_SAFETY * found[0] / step

    def _disagreement(self, vectors: Sequence[Array], step: float, derivative: Array) -> Array:
        """How far the derivatives by two steps differ, with a safety factor; infinite where a step is not usable."""
        gap = np.abs(derivative - self._derivative(vectors, step * tolerances.SECOND_COMPLEX_STEP))
        return np.where(
            gap <= tolerances.COMPLEX_STEPS_AGREE * np.abs(derivative), tolerances.COMPLEX_ROUNDING_SAFETY * gap, np.inf
        )

    def _imaginary(self, args: Sequence[Array], vectors: Sequence[Array], step: float) -> Array:
        self.passes += 1
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                output = np.asarray(self._forward(*(_complex(a, step, v) for a, v in zip(args, vectors, strict=True))))
        except Exception as error:  # whatever foreign code raises for complex numbers
            self._forward(*(a.copy() for a in args))  # raises, if the exception has nothing to do with complex numbers
            raise ComplexStepError(
                f"expected a forward pass that carries complex numbers through, got {type(error).__name__}: {error}"
            ) from error
        if output.dtype.kind not in "fiubc":
            raise ComplexStepError(f"expected an array of numbers from the forward pass, got dtype {output.dtype}")
        # An output of real numbers is no error: it may not depend on the direction.
        return np.array(output.imag, dtype=np.float64)

    def _step(self, vectors: Sequence[Array]) -> float:
        """The step, a power of two, so that multiplying and dividing by it rounds nothing."""
        smallest = np.inf
        with np.errstate(all="ignore"):
            for a, v in zip(self._args, vectors, strict=True):
                used = (a != 0) & (v != 0)
                smallest = min(smallest, float((np.abs(a[used]) / np.abs(v[used])).min(initial=np.inf)))
            # For arguments of 1e200 the step must be larger, or the product with it would vanish.
            wanted = min(
                tolerances.COMPLEX_STEP * max(self._scale(vectors), 1.0), tolerances.LARGEST_COMPLEX_STEP * smallest
            )
            return float(np.clip(2.0 ** np.floor(np.log2(wanted)), tolerances.SMALLEST_COMPLEX_STEP, 1.0))

    def _scale(self, vectors: Sequence[Array]) -> float:
        return (_largest(self._args) or 1.0) / (_largest(vectors) or 1.0)

    def _moved(self, vectors: Sequence[Array], t: float) -> list[Array]:
        return [a + t * v for a, v in zip(self._args, vectors, strict=True)]

    def _vectors(self, directions: Sequence[ArrayLike]) -> list[Array]:
        vectors = finite_differences.doubles(directions, "directions")
        if len(vectors) != len(self._args):
            raise ValueError(f"directions: expected {len(self._args)}, one for each argument, got {len(vectors)}")
        for number, (a, v) in enumerate(zip(self._args, vectors, strict=True)):
            if a.shape != v.shape:
                raise ValueError(f"directions[{number}]: expected shape {a.shape}, got {v.shape}")
        return vectors


def _complex(a: Array, step: float, v: Array) -> NDArray[np.complex128]:
    z = np.empty(a.shape, dtype=np.complex128)
    z.real = a
    np.multiply(v, step, out=z.imag)
    return z


def _estimate(derivative: Array, noise: Array) -> Estimate:
    error = noise + tolerances.COMPLEX_ROUNDING_SAFETY * tolerances.DOUBLE_UNIT * np.abs(derivative)
    known = np.isfinite(derivative) & np.isfinite(error)
    return Estimate(np.where(known, derivative, 0.0), np.where(known, error, np.inf))


def _largest(arrays: Sequence[Array]) -> float:
    return max((float(np.abs(a).max(initial=0.0)) for a in arrays), default=0.0)
