"""The oracle that uses PyTorch's automatic differentiation of a definition, in double precision.

torch is optional and slow to import, so each function that needs it imports it; `available` says whether it is
installed. Of this package only `torch_rounding` beside it imports torch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.numerics import regimes, tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import torch_rounding
from reference.numerics.sampling import seeded

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float64]


#: What this oracle is called in a finding.
NAME = "PyTorch's automatic differentiation"


def available() -> str | None:
    """None if PyTorch can be imported, else a sentence that says what to install."""
    return None if importlib.util.find_spec("torch") else "PyTorch is not installed (the project's extra 'torch')"


def value(spec: Callable[..., Any], args: Sequence[ArrayLike]) -> Estimate:
    """``spec(*args)`` for a definition on torch tensors, with an estimate of its rounding error."""
    return _estimate(lambda *moved: (_as_array(spec(*_tensors(moved))),), _doubles(args))[0]


def evaluate(spec: Callable[..., Any], args: Sequence[ArrayLike]) -> Array:
    """``spec(*args)`` without an estimate of its error: nine times as fast as `value`, which computes it nine times."""
    with one_thread():
        return _as_array(spec(*_tensors(_doubles(args))))


def constant(array: NDArray[Any]) -> torch.Tensor:
    """A tensor of the array's own dtype, for an argument that is not differentiated, such as class labels."""
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
        The point; converted to float64.

    Returns
    -------
    tuple of Estimate
        One for each argument, of its shape.

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
        if not outputs.requires_grad:  # a definition that depends on none of its arguments
            return tuple(np.zeros(array.shape) for array in moved)
        direction = torch.from_numpy(np.asarray(along)).to(outputs.dtype)
        found = torch.autograd.grad(outputs, tensors, direction, allow_unused=True)
        return tuple(
            np.zeros(array.shape) if gradient is None else _as_array(gradient)
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

    Returns
    -------
    list of arrays
        One for each array of ``theta``, of its shape.
    """
    import torch  # noqa: PLC0415 - optional and slow to import

    parameters = [tensor.requires_grad_() for tensor in _tensors(_doubles(theta))]
    with one_thread():
        return [_as_array(each) for each in torch.autograd.grad(_mean_loss(X, T)(*parameters), parameters)]


def gradcheck_mlp(
    theta: Sequence[ArrayLike],
    X: ArrayLike,
    T: ArrayLike,
    *,
    fast: bool,
    wrong: tuple[int, tuple[int, ...], float] | None = None,
) -> bool:
    """Whether `torch.autograd.gradcheck`, with its default tolerances, passes the gradient of `mlp_gradient`'s net.

    Parameters
    ----------
    theta, X, T
        As in `mlp_gradient`.
    fast
        Whether to use its fast mode, which checks one random direction instead of every entry.
    wrong
        An entry of the gradient to make wrong before it is judged: (number of the array, index, factor).
    """
    import torch  # noqa: PLC0415 - optional and slow to import

    objective = _mean_loss(X, T)

    def judged(*parameters: torch.Tensor) -> torch.Tensor:
        if wrong is None:
            return objective(*parameters)
        number, index, factor = wrong

        def spoil(gradient: torch.Tensor | None) -> torch.Tensor | None:
            if gradient is None:  # gradcheck also tries undefined cotangents
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
    """Whether `torch.autograd.gradcheck`, with its default tolerances, passes a numpy function and its gradient.

    Parameters
    ----------
    forward
        A function from arrays to an array.
    vjp
        ``vjp(cotangent, *args)``, which returns a gradient for each argument.
    args
        The point; converted to float64.
    """
    import torch  # noqa: PLC0415 - optional and slow to import

    class Wrapped(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
        @staticmethod
        def forward(context: Any, *tensors: torch.Tensor) -> torch.Tensor:
            context.save_for_backward(*tensors)
            return torch.from_numpy(np.array(forward(*(_as_array(each) for each in tensors)), dtype=np.float64))

        @staticmethod
        def backward(context: Any, cotangent: torch.Tensor) -> tuple[torch.Tensor, ...]:
            found = vjp(_as_array(cotangent), *(_as_array(each) for each in context.saved_tensors))
            return tuple(torch.from_numpy(np.array(each, dtype=np.float64)) for each in found)

    tensors = tuple(tensor.requires_grad_() for tensor in _tensors(_doubles(args)))
    with one_thread():
        return bool(torch.autograd.gradcheck(Wrapped.apply, tensors, raise_exception=False))


@contextmanager
def one_thread() -> Iterator[None]:
    """In the block, PyTorch uses one thread.

    The computations here are small, and on busy cores a pool of threads can take a thousand times as long.
    """
    with threads(1):
        yield


@contextmanager
def threads(number: int) -> Iterator[None]:
    """In the block, PyTorch uses this number of threads for its own computations."""
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
    """PyTorch's own delta of softmax, (N, K), from its outputs and a cotangent, both (N, K)."""
    import torch  # noqa: PLC0415 - optional and slow to import

    y, direction = _tensors((Y, cotangent))
    with one_thread():
        return np.array(torch.ops.aten._softmax_backward_data(direction, y, 1, y.dtype).numpy())


def cross_entropy(X: NDArray[Any], T: NDArray[Any]) -> NDArray[Any]:
    """`torch.nn.functional.cross_entropy` of logits against one-hot targets, (N, 1), in the precision of ``X``."""
    with one_thread():
        return np.array(_losses(constant(X), constant(T.argmax(axis=1))).numpy())[:, np.newaxis]


def cross_entropy_gradient(X: NDArray[Any], T: NDArray[Any]) -> NDArray[Any]:
    """The gradient (N, K) of the sum of `cross_entropy` with respect to the logits, by automatic differentiation."""
    with one_thread():
        return np.array(cross_entropy_step(X, T)().numpy())


def cross_entropy_step(X: NDArray[Any], T: NDArray[Any]) -> Callable[[], torch.Tensor]:
    """A function to be timed: it computes losses and gradient from tensors that were made before."""
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
    """The results of a computation with an estimate (not a bound) of their rounding errors.

    The computation is repeated with every operation rounded at random, those of the derivative as well (see
    `reference.numerics.random_rounding`). That shows what a sum absorbs, which no repetition in single precision does:
    1 - tanh(x)^2 is 0 in both precisions, and right in neither.

    ``linear`` says that the results are linear in the first argument, a cotangent. It is then multiplied by a random
    number and the results are divided by it, which changes all roundings and nothing else. Without that, short numbers
    would be computed without rounding errors, or with the same ones each time.
    """
    with one_thread():
        return _scattered(compute, args, linear=linear)


def _scattered(compute: Callable[..., tuple[Array, ...]], args: list[Array], *, linear: bool) -> tuple[Estimate, ...]:
    trail = regimes.Trail()
    with torch_rounding.random_rounding(None, trail):
        results = compute(*args)
    largest = [tolerances.DOUBLE_UNIT * np.abs(result) for result in results]
    for number in range(tolerances.RANDOM_ROUNDINGS):
        rng = seeded(number)
        factor = rng.uniform(0.5, 1) if linear else 1.0  # at most 1, so that nothing overflows
        given = [args[0] * factor, *args[1:]] if linear else args
        trail.restart()
        with torch_rounding.random_rounding(rng, trail):
            again = _again(compute, given, results)
        with np.errstate(all="ignore"):
            differences = [np.abs(one - two / factor) for one, two in zip(results, again, strict=True)]
        largest = [np.maximum(most, new) for most, new in zip(largest, differences, strict=True)]
    return tuple(
        Estimate(
            result,
            np.where(
                np.isfinite(error),
                tolerances.RANDOM_ROUNDING_SAFETY * error
                + tolerances.UNDERFLOWS * tolerances.SMALLEST_DOUBLE * (error > 0),
                np.inf,
            ),
        )
        for result, error in zip(results, largest, strict=True)
    )


def _again(compute: Callable[..., tuple[Array, ...]], given: list[Array], results: Sequence[Array]) -> Sequence[Array]:
    """The results of a repetition; NaN where rounding makes a matrix singular."""
    try:
        return compute(*given)
    except torch_rounding.singular():
        return [np.full(each.shape, np.nan) for each in results]


def _tensors(arrays: Sequence[NDArray[Any]]) -> list[torch.Tensor]:
    import torch  # noqa: PLC0415 - optional and slow to import

    return [torch.from_numpy(np.array(array)) for array in arrays]


def _as_array(tensor: torch.Tensor) -> Array:
    return np.array(tensor.detach().numpy(), dtype=np.float64)


def _doubles(arrays: Sequence[ArrayLike]) -> list[Array]:
    return [np.asarray(array, dtype=np.float64) for array in arrays]
