"""The definition of a function, on torch tensors, numpy arrays, or balls: its values and its gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.arguments import Pattern
from reference.gradients.differences import Differences
from reference.gradients.rigorous import Language, Rigorous
from reference.gradients.tolerance import rounding_error, size_of_gradient, unit_roundoff
from reference.numerics import ball_tolerances, tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.memo import digest
from reference.numerics.oracles import ball, complex_step, torch_autograd
from reference.numerics.sampling import seeded

Array = NDArray[Any]


class Specification:
    """A definition, evaluated and differentiated at arguments of floating point, the others as given.

    Parameters
    ----------
    spec
        On torch tensors, on numpy arrays, or in the style of `reference.lab.definitions`. Which is found out by trying.
    pattern
        What it is tried on.

    Raises
    ------
    ValueError
        No way to call it gives an array, or two ways give different numbers.
    """

    def __init__(self, spec: Callable[..., Any], pattern: Pattern) -> None:
        self.definition = spec
        self._pattern = pattern
        floats = doubles(pattern.floats(pattern.args))
        self._is_on_tensors = self._needs_methods = False
        self._values: dict[bytes, Estimate | None] = {}
        self._by_torch_known: dict[bytes, tuple[Estimate, ...]] = {}
        values, reasons = {}, []
        for kind in ("torch", "numpy", "balls"):
            try:
                values[kind] = self._try(kind, floats)
            except (
                Exception,
                SystemExit,
            ) as error:  # a definition for tensors fails on arrays in whatever way, and vice versa
                reasons.append(f"{kind}: {type(error).__name__}: {error}")
        self._choose(values, reasons)
        self._is_on_balls = "balls" in values
        self.shape = next(iter(values.values())).shape
        domain = tuple(pattern.domain[number] for number in pattern.differentiable)
        self.differences = Differences(self.evaluate, domain, rounding=self._rounding)
        self.rigorous = self._find_rigorous()

    @property
    def oracle(self) -> str:
        """The name of what differentiates the definition."""
        if self.is_rigorous:
            return ball.NAME
        return torch_autograd.NAME if self._is_on_tensors else self.differences.oracle

    @property
    def evaluator(self) -> str:
        """The name of what evaluates the definition."""
        if self.is_rigorous:
            return ball.NAME
        return "PyTorch" if self._is_on_tensors else "numpy"

    @property
    def is_rigorous(self) -> bool:
        """Whether the definition is evaluated and differentiated in ball arithmetic."""
        return self.rigorous.refusal is None or self._is_on_balls

    @property
    def is_differentiated(self) -> bool:
        """Whether the whole gradient comes at once; else `differences` give it entry by entry."""
        return self._is_on_tensors or self.is_rigorous

    def evaluate(self, *floats: Array) -> Array:
        """The definition as it is written, in double precision (numpy's: in that of the arguments)."""
        if self._is_on_tensors:
            return torch_autograd.evaluate(self._on_tensors, floats)
        return np.asanyarray(self._on_arrays(*floats))

    def in_doubles(self, args: Sequence[Array]) -> Array:
        """What the definition computes as it is written."""
        return np.asarray(self.evaluate(*doubles(self._pattern.floats(args))), dtype=np.float64)

    def value(self, args: Sequence[Array]) -> Estimate | None:
        """The truth at these arguments; None where the definition is not finite, or raises: outside the contract."""
        key = b"".join(array.tobytes() for array in args)
        if key not in self._values:
            self._values[key] = self._value(doubles(self._pattern.floats(args)))
        return self._values[key]

    def gradient(
        self, cotangent: Array, args: Sequence[Array], resolutions: Sequence[Any] | None = None
    ) -> tuple[Estimate, ...]:
        """The gradients of <cotangent, spec> for the arguments of floating point; infinite errors where unknown.

        Parameters
        ----------
        cotangent
            Of the output's shape, or of another with as many entries.
        args
            All arguments.
        resolutions
            For each gradient an error that is small enough for a verdict, entry by entry.
        """
        floats = doubles(self._pattern.floats(args))
        weights = cotangent.astype(np.float64).reshape(self.shape)
        exact = None if self.rigorous.refusal else self.rigorous.gradient(weights, args, resolutions)
        if exact is not None:
            return exact
        if self._is_on_balls:
            return ball.vjp(self._on_balls, weights, floats)
        if not self._is_on_tensors:
            return unknown(floats)
        key = digest(weights, *floats)
        if key not in self._by_torch_known:
            self._by_torch_known[key] = self._by_torch(weights, floats)
        return self._by_torch_known[key]

    def _by_torch(self, weights: Array, floats: Sequence[Array]) -> tuple[Estimate, ...]:
        found = torch_autograd.vjp(self._on_tensors, weights, floats)
        output = self.evaluate(*floats)
        unit = unit_roundoff(floats)
        return tuple(
            Estimate(
                each.value,
                each.error
                + tolerances.TORCH_INTERMEDIATE_UNITS * unit * size_of_gradient(weights, output, array)
                + tolerances.TORCH_EXPONENT_UNITS * unit * np.abs(array).max(initial=0.0) * np.abs(each.value),
            )
            for each, array in zip(found, floats, strict=True)
        )

    def autograd(self, cotangent: Array, args: Sequence[Array]) -> tuple[Array, ...] | None:
        """What torch's own differentiation of the definition answers, right or not; None where it is not for torch."""
        if not self._is_on_tensors:
            return None
        weights = cotangent.astype(np.float64).reshape(self.shape)
        found = torch_autograd.vjp(self._on_tensors, weights, doubles(self._pattern.floats(args)))
        return tuple(each.value for each in found)

    def _value(self, floats: Sequence[Array]) -> Estimate | None:
        try:
            plain = np.asarray(self.evaluate(*floats), dtype=np.float64)
            if not np.isfinite(plain).all():
                return None
            exact = self._value_on_balls(floats)
            if exact is not None:
                # Where doubles are off by more than rounding explains, the definition has left them on its way.
                return exact if self._is_meant(exact, plain, floats) else None
            if self._is_on_tensors:
                return torch_autograd.value(self._on_tensors, floats)
        except (Exception, SystemExit):  # for example at numbers outside a function's domain
            return None
        return self._value_by_numpy(plain, floats)

    def _value_on_balls(self, floats: Sequence[Array]) -> Estimate | None:
        """What the formula means, where balls can tell."""
        exact = None if self.rigorous.refusal else self.rigorous.value(self._pattern.with_floats(floats))
        if exact is None and self._is_on_balls:
            exact = ball.value(self._on_balls, floats)
            return exact if np.isfinite(exact.value).all() else None
        return exact

    def _is_meant(self, exact: Estimate, plain: Array, floats: Sequence[Array]) -> bool:
        """Whether an enclosure is what the definition computes in doubles, but for the digits that this loses."""
        far = _far(exact, plain)
        return far is not None and bool((far <= 0).all() or (far <= self._rounding(*floats)).all())

    def _find_rigorous(self) -> Rigorous:
        """The definition in ball arithmetic; it refuses where that means something else than in doubles."""
        language: Language = "torch" if self._is_on_tensors else "numpy"
        found = Rigorous(self.definition, language, self._pattern.differentiable)
        if self._needs_methods:
            found.refusal = "the definition has the methods of tensors and is given arrays"
        args = self._pattern.args
        exact = found.value(args)
        if exact is None or found.gradient(np.ones(exact.value.shape), args) is None:
            found.refusal = found.refusal or "ball arithmetic cannot tell the value of the definition"
        elif not any(self._means_the_same_at(found, place) for place in self._places()):
            found.refusal = "the definition means something else in ball arithmetic than in doubles"
        return found

    def _places(self) -> Iterator[Sequence[Array]]:
        """The given arguments, and ordinary ones, in case that the given ones make the definition lose its digits."""
        yield self._pattern.args
        rng = seeded(0)
        for _ in range(3):
            drawn = [rng.randn(*array.shape) for array in self._pattern.floats(self._pattern.args)]
            args = self._pattern.with_floats(drawn)
            if self._pattern.is_legal(args):
                yield args

    def _means_the_same_at(self, found: Rigorous, args: Sequence[Array]) -> bool:
        exact = found.value(args)
        far = None if exact is None else _far(exact, self.in_doubles(args))
        return far is not None and bool((far <= 0).all())

    def _rounding(self, *floats: Array) -> Array:
        """The rounding error of the definition as it is written."""
        if self._is_on_tensors:
            return torch_autograd.value(self._on_tensors, floats).error
        return self._value_by_numpy(np.asarray(self.evaluate(*floats), dtype=np.float64), floats).error

    def _value_by_numpy(self, plain: Array, floats: Sequence[Array]) -> Estimate:
        def compute(*arrays: Any) -> tuple[Array]:
            found = np.asanyarray(self._on_arrays(*arrays))
            return (found if found.dtype.kind == "f" else found.astype(np.float64),)

        (bound,) = rounding_error(compute, floats, [plain])
        return Estimate(plain, bound)

    @property
    def _on_tensors(self) -> Callable[..., Any]:
        """The definition as a function of tensors, those of floating point alone."""
        return self._bound([torch_autograd.constant(array) for array in self._pattern.args])

    @property
    def _on_balls(self) -> Callable[..., Any]:
        """The same of balls, or of arrays as they are."""
        return self._bound(self._pattern.args)

    @property
    def _on_arrays(self) -> Callable[..., Any]:
        """The same of arrays, which have the methods of tensors where it needs them."""
        return complex_step.on_arrays(self._on_balls) if self._needs_methods else self._on_balls

    def _bound(self, constants: Sequence[Any]) -> Callable[..., Any]:
        """The definition as a function of the arguments of floating point alone."""

        def bound(*floats: Any) -> Any:
            args = list(constants)
            for number, given in zip(self._pattern.differentiable, floats, strict=True):
                args[number] = given
            return self.definition(*args)

        return bound

    def _try(self, kind: str, floats: Sequence[Array]) -> Array:
        if kind == "numpy":
            try:
                return self._real(self._on_arrays(*floats))
            except (Exception, SystemExit):  # methods as torch has them, which balls have too
                self._needs_methods = True
                return self._real(self._on_arrays(*floats))
        oracle: Any = torch_autograd if kind == "torch" else ball
        reason = oracle.available()
        if reason:
            raise ImportError(reason)
        if kind == "balls" and sum(array.size for array in floats) > ball_tolerances.MOST_BALLS:
            raise ValueError("too many numbers for ball arithmetic")
        run = self._on_tensors if kind == "torch" else self._on_balls
        value = self._real(oracle.value(run, floats).value)
        oracle.vjp(run, np.ones(value.shape), floats)
        return value

    def _means_the_same(self, values: dict[str, Array]) -> bool:
        """Whether two ways to evaluate it agree, at the given arguments, which may be special, and at others nearby."""
        rng = seeded(0)
        near = [
            array * (1 + rng.rand(*array.shape) / 16) for array in doubles(self._pattern.floats(self._pattern.args))
        ]
        others = (torch_autograd.evaluate(self._on_tensors, near), self._real(self._on_arrays(*near)))
        return _agree(values["torch"], values["numpy"], tolerances.READINGS_AGREE) and _agree(
            *others, tolerances.READINGS_AGREE
        )

    def _real(self, value: Any) -> Array:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"expected real numbers, got {type(value).__name__}")
        return array.astype(np.float64)

    def _choose(self, values: dict[str, Array], reasons: list[str]) -> None:
        """Choose the ways of evaluation that agree."""
        plain = [kind for kind in ("torch", "numpy") if kind in values]
        if len(plain) > 1 and not self._means_the_same(values):
            raise ValueError(
                "spec: expected a function with one meaning, got one that gives different numbers on torch tensors and "
                "on numpy arrays (std and var divide by n - 1 in torch, by n in numpy); convert its arguments yourself"
            )
        if not plain:
            raise ValueError(
                f"spec: expected a function of torch tensors or of numpy arrays, got one that fails on both "
                f"({'; '.join(reasons)})"
            )
        if "balls" in values and not _agree(values["balls"], values[plain[0]], tolerances.READINGS_AGREE):
            del values["balls"]
        if plain[0] == "torch":
            self._is_on_tensors, self._needs_methods = True, False


def _far(exact: Estimate, plain: Array) -> Array | None:
    """How far numbers are from an enclosure, beyond what two ways to evaluate one definition may differ by."""
    if exact.value.shape != plain.shape:
        return None
    allowed = exact.error + tolerances.READINGS_AGREE * np.maximum(1.0, np.abs(exact.value))
    return np.asarray(np.abs(exact.value - plain) - allowed)


def unknown(floats: Sequence[Array]) -> tuple[Estimate, ...]:
    """Estimates of gradients of which nothing is known."""
    return tuple(Estimate(np.zeros(array.shape), np.full(array.shape, np.inf)) for array in floats)


def doubles(arrays: Sequence[Array]) -> tuple[Array, ...]:
    """The same numbers in double precision."""
    return tuple(array.astype(np.float64) for array in arrays)


def _agree(one: Array, other: Array, relative: float) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=relative, atol=relative, equal_nan=True)
