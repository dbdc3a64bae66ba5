"""PyTorch's automatic differentiation of a definition in double precision. No other module here imports torch.

torch is optional and slow to import, so it is imported when it is used; `available` says whether it is there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.numerics.estimate import Estimate

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float64]

_PROBES = 4
#: On what the probes saw: each is one sample of a rounding error.
_SAFETY = 16.0
_DOUBLE, _SINGLE = 2.0**-53, 2.0**-24


#: What this oracle is called in a finding.
NAME = "PyTorch's automatic differentiation"


def available() -> str | None:
    """None if PyTorch can be used, else the reason why not."""
    return None if importlib.util.find_spec("torch") else "PyTorch is not installed (the project's extra 'torch')"


def value(spec: Callable[..., Any], args: Sequence[ArrayLike]) -> Estimate:
    """``spec(*args)``, a definition on torch tensors, with an estimate of what rounding did to it."""
    return _estimate(lambda *moved: (_plain(spec(*_tensors(moved))),), _doubles(args))[0]


def evaluate(spec: Callable[..., Any], args: Sequence[ArrayLike]) -> Array:
    """``spec(*args)`` alone, without an estimate of its error: nine times as fast as `value`."""
    with one_thread():
        return _plain(spec(*_tensors(_doubles(args))))


def constant(array: NDArray[Any]) -> torch.Tensor:
    """An argument that is not differentiated, such as class labels, as a tensor of its own type."""
    return _tensors((array,))[0]


def vjp(spec: Callable[..., Any], cotangent: ArrayLike, args: Sequence[ArrayLike]) -> tuple[Estimate, ...]:
    """The gradient of <cotangent, spec(*args)> with respect to each argument, by reverse-mode differentiation.

    Parameters
    ----------
    spec
        The definition of a forward pass on torch tensors.
    cotangent
        Of the output's shape.
    args
        Converted to float64.

    Raises
    ------
    ValueError
        The cotangent has another shape than the output.
    """
    weights = np.asarray(cotangent, dtype=np.float64)

    def gradients(along: NDArray[Any], *moved: NDArray[Any]) -> tuple[Array, ...]:
        import torch  # noqa: PLC0415 - optional and slow to import

        tensors = _tensors(moved)
        for tensor in tensors:
            tensor.requires_grad_()
        outputs = spec(*tensors)
        if tuple(outputs.shape) != weights.shape:
            shape = tuple(outputs.shape)
            raise ValueError(f"cotangent: expected the shape of the output, {shape}, got {weights.shape}")
        direction = torch.from_numpy(np.asarray(along)).to(outputs.dtype)
        found = torch.autograd.grad(outputs, tensors, direction, allow_unused=True)
        return tuple(
            np.zeros(array.shape) if gradient is None else _plain(gradient)
            for array, gradient in zip(moved, found, strict=True)
        )

    return _estimate(gradients, [weights, *_doubles(args)], linear=True)


def mlp_gradient(theta: Sequence[ArrayLike], X: ArrayLike, T: ArrayLike) -> list[Array]:
    """The gradient of the mean cross-entropy of a net of linear layers with ReLU between them, on one thread.

    Parameters
    ----------
    theta
        W_1, b_1, W_2, b_2, ...
    X, T
        Inputs (N, D) and one-hot targets (N, K).
    """
    import torch  # noqa: PLC0415 - optional and slow to import

    parameters = [tensor.requires_grad_() for tensor in _tensors(_doubles(theta))]
    with one_thread():
        return [_plain(each) for each in torch.autograd.grad(_mean_loss(X, T)(*parameters), parameters)]


def gradcheck_mlp(
    theta: Sequence[ArrayLike],
    X: ArrayLike,
    T: ArrayLike,
    *,
    fast: bool,
    wrong: tuple[int, tuple[int, ...], float] | None = None,
) -> bool:
    """Whether `torch.autograd.gradcheck` at its defaults passes such a net's gradient, on one thread.

    Parameters
    ----------
    theta, X, T
        As in `mlp_gradient`.
    fast
        Its fast mode, one direction for all; otherwise every entry.
    wrong
        Which entry of the gradient to multiply by what before it is judged: number of the array, index, factor.
    """
    import torch  # noqa: PLC0415 - optional and slow to import

    objective = _mean_loss(X, T)

    def judged(*parameters: torch.Tensor) -> torch.Tensor:
        if wrong is None:
            return objective(*parameters)
        number, index, factor = wrong

        def spoil(gradient: torch.Tensor | None) -> torch.Tensor | None:
            if gradient is None:  # gradcheck also asks what undefined cotangents give
                return None
            spoiled = gradient.clone()
            spoiled[index] *= factor
            return spoiled

        copies: list[Any] = list(parameters)
        copies[number] = parameters[number].clone()
        if copies[number].requires_grad:
            copies[number].register_hook(spoil)
        return objective(*copies)

    parameters = tuple(tensor.requires_grad_() for tensor in _tensors(_doubles(theta)))
    with one_thread():
        return bool(torch.autograd.gradcheck(judged, parameters, fast_mode=fast, raise_exception=False))


def gradcheck_numpy(
    forward: Callable[..., NDArray[Any]],
    vjp: Callable[..., tuple[NDArray[Any], ...]],
    args: Sequence[ArrayLike],
) -> bool:
    """Whether `torch.autograd.gradcheck` at its defaults passes a numpy function and its hand-written gradient.

    Parameters
    ----------
    forward
        From arrays to an array.
    vjp
        ``vjp(cotangent, *args)``, a gradient for each argument.
    args
        Where; converted to float64.
    """
    import torch  # noqa: PLC0415 - optional and slow to import

    class Wrapped(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
        @staticmethod
        def forward(context: Any, *tensors: torch.Tensor) -> torch.Tensor:
            context.save_for_backward(*tensors)
            return torch.from_numpy(np.array(forward(*(_plain(each) for each in tensors)), dtype=np.float64))

        @staticmethod
        def backward(context: Any, cotangent: torch.Tensor) -> tuple[torch.Tensor, ...]:
            found = vjp(_plain(cotangent), *(_plain(each) for each in context.saved_tensors))
            return tuple(torch.from_numpy(np.array(each, dtype=np.float64)) for each in found)

    tensors = tuple(tensor.requires_grad_() for tensor in _tensors(_doubles(args)))
    with one_thread():
        return bool(torch.autograd.gradcheck(Wrapped.apply, tensors, raise_exception=False))


@contextmanager
def one_thread() -> Iterator[None]:
    """What is asked here is small, and on busy cores a pool of threads takes a thousand times as long."""
    with threads(1):
        yield


@contextmanager
def threads(number: int) -> Iterator[None]:
    """So many threads for PyTorch's own work."""
    import torch  # noqa: PLC0415 - optional and slow to import

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def softmax(X: NDArray[Any]) -> NDArray[Any]:
    """PyTorch's own softmax of each row, (N, K), in the precision of ``X``."""
    with one_thread():
        return np.array(constant(X).softmax(dim=1).numpy())


def softmax_vjp(Y: NDArray[Any], cotangent: NDArray[Any]) -> NDArray[Any]:
    """What its backward pass makes of softmax's outputs and a cotangent, both (N, K)."""
    import torch  # noqa: PLC0415 - optional and slow to import

    y, direction = _tensors((Y, cotangent))
    with one_thread():
        return np.array(torch.ops.aten._softmax_backward_data(direction, y, 1, y.dtype).numpy())


def cross_entropy(X: NDArray[Any], T: NDArray[Any]) -> NDArray[Any]:
    """`torch.nn.functional.cross_entropy` of logits against one-hot targets, (N, 1), in the precision of ``X``."""
    with one_thread():
        return np.array(_losses(constant(X), constant(T.argmax(axis=1))).numpy())[:, np.newaxis]


def cross_entropy_gradient(X: NDArray[Any], T: NDArray[Any]) -> NDArray[Any]:
    """Its gradient (N, K) with respect to the logits, by automatic differentiation."""
    with one_thread():
        return np.array(cross_entropy_step(X, T)().numpy())


def cross_entropy_step(X: NDArray[Any], T: NDArray[Any]) -> Callable[[], torch.Tensor]:
    """A function that computes losses and gradient, of tensors that are made before: to be timed."""
    import torch  # noqa: PLC0415 - optional and slow to import

    logits, labels = constant(X).requires_grad_(), constant(T.argmax(axis=1))

    def step() -> torch.Tensor:
        return torch.autograd.grad(_losses(logits, labels).sum(), logits)[0]

    return step


def _mean_loss(X: ArrayLike, T: ArrayLike) -> Callable[..., torch.Tensor]:
    inputs, targets = _tensors(_doubles((X, T)))
    return lambda *theta: _losses(_logits(inputs, list(zip(theta[::2], theta[1::2], strict=True))), targets).mean()


def _logits(X: torch.Tensor, theta: Sequence[Sequence[torch.Tensor]]) -> torch.Tensor:
    for W, b in theta[:-1]:
        X = (X @ W + b).relu()
    W, b = theta[-1]
    return X @ W + b


def _losses(logits: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
    import torch  # noqa: PLC0415 - optional and slow to import

    return torch.nn.functional.cross_entropy(logits, T, reduction="none")


def _estimate(
    compute: Callable[..., tuple[Array, ...]], args: list[Array], *, linear: bool = False
) -> tuple[Estimate, ...]:
    """The results, and an estimate (no bound) of what rounding did to them.

    The same computation in single precision is wrong by the same roundings, 2^29 times as large, cancellation within it
    included; at arguments moved by a rounding they fall differently. Constants of double precision in the definition
    would hide them, so that arguments moved by a rounding of double precision are tried as well. What single precision
    absorbs without a trace (a probability closer to 1 than 6e-8) is underestimated; ball arithmetic has no such limit.

    ``linear`` in the first argument, a cotangent: it is multiplied by some number, and the results divided by it. That
    changes nothing but the roundings, all of them. Short numbers have none otherwise, or the same ones each time.
    """
    with one_thread():
        return _probed(compute, args, linear=linear)


def _probed(compute: Callable[..., tuple[Array, ...]], args: list[Array], *, linear: bool) -> tuple[Estimate, ...]:
    results = compute(*args)
    seen = [_DOUBLE * np.abs(result) for result in results]
    rng = np.random.RandomState(0)
    for unit, dtype, scale in ((_SINGLE, np.float32, _DOUBLE / _SINGLE), (_DOUBLE, np.float64, 1.0)):
        for _ in range(_PROBES):
            moved = [(array * (1 + 2 * unit * rng.choice([-1, 1], array.shape))).astype(dtype) for array in args]
            factor = rng.uniform(0.5, 1) if linear else 1.0  # not above 1: nothing may overflow
            if linear:
                moved[0] = (args[0] * factor).astype(dtype)
            with np.errstate(invalid="ignore"):  # inf - inf, where single precision overflows
                differences = [np.abs(one - two / factor) for one, two in zip(results, compute(*moved), strict=True)]
            seen = [np.maximum(most, scale * new) for most, new in zip(seen, differences, strict=True)]
    # NaN: single precision could not follow, and nothing is known.
    return tuple(
        Estimate(result, np.where(np.isnan(error), np.inf, _SAFETY * error))
        for result, error in zip(results, seen, strict=True)
    )


def _tensors(arrays: Sequence[NDArray[Any]]) -> list[torch.Tensor]:
    import torch  # noqa: PLC0415 - optional and slow to import

    return [torch.from_numpy(np.array(array)) for array in arrays]


def _plain(tensor: torch.Tensor) -> Array:
    return np.array(tensor.detach().numpy(), dtype=np.float64)


def _doubles(arrays: Sequence[ArrayLike]) -> list[Array]:
    return [np.asarray(array, dtype=np.float64) for array in arrays]
