"""PyTorch's automatic differentiation of a definition in double precision. The only file that imports torch.

torch is optional and slow to import, so it is imported when it is used; `available` says whether it is there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.estimate import Estimate

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float64]

_PROBES = 4
#: On what the probes saw: each is one sample of a rounding error.
_SAFETY = 16.0
_DOUBLE, _SINGLE = 2.0**-53, 2.0**-24


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

    def gradients(*moved: NDArray[Any]) -> tuple[Array, ...]:
        import torch  # noqa: PLC0415 - optional and slow to import

        tensors = _tensors(moved)
        for tensor in tensors:
            tensor.requires_grad_()
        outputs = spec(*tensors)
        if tuple(outputs.shape) != weights.shape:
            shape = tuple(outputs.shape)
            raise ValueError(f"cotangent: expected the shape of the output, {shape}, got {weights.shape}")
        direction = torch.from_numpy(weights).to(outputs.dtype)
        found = torch.autograd.grad(outputs, tensors, direction, allow_unused=True)
        return tuple(
            np.zeros(array.shape) if gradient is None else _plain(gradient)
            for array, gradient in zip(moved, found, strict=True)
        )

    return _estimate(gradients, _doubles(args))


def train_mlp(
    weights: Sequence[ArrayLike],
    biases: Sequence[ArrayLike],
    train: tuple[ArrayLike, ArrayLike],
    test: tuple[ArrayLike, ArrayLike] | None,
    *,
    loss: Literal["probabilities", "logits"],
    batch_size: int,
    n_epochs: int,
    alpha: float,
) -> dict[str, list[float]]:
    """The lab's training, written in PyTorch alone: linear layers with ReLU between them, softmax, cross-entropy.

    Mini-batches are consecutive slices; each step subtracts alpha times the gradient of the batch's mean loss.

    Parameters
    ----------
    weights, biases
        Initial values, (D, U) and (U,), layer by layer.
    train, test
        Inputs (N, D) and one-hot targets (N, K).
    loss
        "probabilities": minus the sum of t log p, p by softmax. "logits": `torch.nn.functional.cross_entropy`.
    batch_size, n_epochs, alpha
        As the lab has them.

    Returns
    -------
    dict
        ``loss_train``, ``acc_train``, ``loss_test``, ``acc_test``: a number before training and after each epoch; and
        ``amplitude_0``, ``amplitude_1``, ...: mean absolute weight of each layer.
    """
    import torch  # noqa: PLC0415 - optional and slow to import

    theta = [_tensors((W, b)) for W, b in zip(_doubles(weights), _doubles(biases), strict=True)]
    parameters = [tensor.requires_grad_() for pair in theta for tensor in pair]
    X, T = _tensors(_doubles(train))
    curves: dict[str, list[float]] = {}
    for epoch in range(n_epochs + 1):
        for start in range(0, len(X) if epoch else 0, batch_size):
            rows = slice(start, start + batch_size)
            objective = _losses(_logits(X[rows], theta), T[rows], loss).mean()
            gradients = torch.autograd.grad(objective, parameters)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(alpha * gradient)
        with torch.no_grad():
            sets: Mapping[str, Any] = {"train": (X, T)} | ({"test": _tensors(_doubles(test))} if test else {})
            for name, (inputs, targets) in sets.items():
                outputs = _logits(inputs, theta)
                hits = outputs.argmax(dim=1) == targets.argmax(dim=1)
                curves.setdefault(f"loss_{name}", []).append(float(_losses(outputs, targets, loss).mean()))
                curves.setdefault(f"acc_{name}", []).append(float(hits.double().mean()))
            for number, (W, _) in enumerate(theta):
                curves.setdefault(f"amplitude_{number}", []).append(float(W.abs().mean()))
    return curves


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


@contextmanager
def one_thread() -> Iterator[None]:
    """What is asked here is small, and on busy cores a pool of threads takes a thousand times as long."""
    import torch  # noqa: PLC0415 - optional and slow to import

    before = torch.get_num_threads()
    torch.set_num_threads(1)
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
        return np.array(_losses(constant(X), constant(T.argmax(axis=1)), "logits").numpy())[:, np.newaxis]


def cross_entropy_gradient(X: NDArray[Any], T: NDArray[Any]) -> NDArray[Any]:
    """Its gradient (N, K) with respect to the logits, by automatic differentiation."""
    with one_thread():
        return np.array(cross_entropy_step(X, T)().numpy())


def cross_entropy_step(X: NDArray[Any], T: NDArray[Any]) -> Callable[[], torch.Tensor]:
    """A function that computes losses and gradient, of tensors that are made before: to be timed."""
    import torch  # noqa: PLC0415 - optional and slow to import

    logits, labels = constant(X).requires_grad_(), constant(T.argmax(axis=1))

    def step() -> torch.Tensor:
        return torch.autograd.grad(_losses(logits, labels, "logits").sum(), logits)[0]

    return step


def _mean_loss(X: ArrayLike, T: ArrayLike) -> Callable[..., torch.Tensor]:
    inputs, targets = _tensors(_doubles((X, T)))
    return lambda *theta: _losses(
        _logits(inputs, list(zip(theta[::2], theta[1::2], strict=True))), targets, "logits"
    ).mean()


def _logits(X: torch.Tensor, theta: Sequence[Sequence[torch.Tensor]]) -> torch.Tensor:
    for W, b in theta[:-1]:
        X = (X @ W + b).relu()
    W, b = theta[-1]
    return X @ W + b


def _losses(logits: torch.Tensor, T: torch.Tensor, loss: str) -> torch.Tensor:
    import torch  # noqa: PLC0415 - optional and slow to import

    if loss == "logits":
        return torch.nn.functional.cross_entropy(logits, T, reduction="none")
    return -(T * logits.softmax(dim=1).log()).sum(dim=1)


def _estimate(compute: Callable[..., tuple[Array, ...]], args: list[Array]) -> tuple[Estimate, ...]:
    """The results, and an estimate (no bound) of what rounding did to them.

    The same computation in single precision is wrong by the same roundings, 2^29 times as large, cancellation within it
    included; at arguments moved by a rounding they fall differently. Constants of double precision in the definition
    would hide them, so that arguments moved by a rounding of double precision are tried as well. What single precision
    absorbs without a trace (a probability closer to 1 than 6e-8) is underestimated; ball arithmetic has no such limit.
    """
    with one_thread():
        return _probed(compute, args)


def _probed(compute: Callable[..., tuple[Array, ...]], args: list[Array]) -> tuple[Estimate, ...]:
    results = compute(*args)
    seen = [_DOUBLE * np.abs(result) for result in results]
    rng = np.random.RandomState(0)
    for unit, dtype, scale in ((_SINGLE, np.float32, _DOUBLE / _SINGLE), (_DOUBLE, np.float64, 1.0)):
        for _ in range(_PROBES):
            moved = [(array * (1 + 2 * unit * rng.choice([-1, 1], array.shape))).astype(dtype) for array in args]
            with np.errstate(invalid="ignore"):  # inf - inf, where single precision overflows
                differences = [np.abs(one - two) for one, two in zip(results, compute(*moved), strict=True)]
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
