"""bp's own layers and losses, judged by `check_vjp` with torch's functions as definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the project's extra 'torch')")
F = torch.nn.functional

from bp.layers import LinearLayer, NaiveSoftmaxLayer, ReLULayer, SoftmaxLayer  # noqa: E402
from bp.losses import LossCrossEntropy, LossCrossEntropyForSoftmaxLogits  # noqa: E402
from reference import check_vjp  # noqa: E402
from tests.wording import failed  # noqa: E402

pytestmark = pytest.mark.catalogue

RNG = np.random.RandomState(0)
X = RNG.randn(3, 4)
T = np.eye(4)[[2, 0, 3]]
Functions = tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def of_layer(layer: Any, definition: Callable[..., Any]) -> Functions:
    return layer.forward, lambda c, X: (layer.delta(layer.forward(X), c),), definition, (X,), {}


def of_loss(loss: Any, definition: Callable[..., Any], X: Any, **options: Any) -> Functions:
    def vjp(c: Any, X: Any, T: Any) -> Any:
        return c * loss.delta(X, T), None

    return loss.forward, vjp, definition, (X, T), {"fixed": (1,), **options}


def linear() -> Functions:
    def layer(W: Any, b: Any) -> Any:
        made = LinearLayer(4, 2, np.random.RandomState(0), "linear")
        made.W, made.b = W, b
        return made

    def vjp(c: Any, X: Any, W: Any, b: Any) -> Any:
        made = layer(W, b)
        means = made.grad(X, c)  # over the samples, as the lab has it
        return made.delta(made.forward(X), c), *(len(X) * each for each in means)

    made = LinearLayer(4, 2, RNG, "linear")
    return lambda X, W, b: layer(W, b).forward(X), vjp, lambda X, W, b: F.linear(X, W.T, b), (X, made.W, made.b), {}


#: forward, vjp, torch's function, arguments and options.
CASES: dict[str, Callable[[], Functions]] = {
    "linear": linear,
    "ReLU": lambda: of_layer(ReLULayer("relu"), F.relu),
    "softmax": lambda: of_layer(SoftmaxLayer("softmax"), lambda X: F.softmax(X, dim=1)),
    "cross-entropy of logits": lambda: of_loss(
        LossCrossEntropyForSoftmaxLogits("loss"), lambda X, T: F.cross_entropy(X, T, reduction="none")[:, None], X
    ),
    "cross-entropy": lambda: of_loss(
        LossCrossEntropy("loss"),
        lambda P, T: -(T * torch.log(P)).sum(dim=1, keepdim=True),
        F.softmax(torch.from_numpy(X), dim=1).numpy(),
        domain=[(0.0, 1.0), None],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_they_pass(name: str) -> None:
    """Values and gradients of each are those of torch's function."""
    forward, vjp, definition, args, options = CASES[name]()
    assert not failed(check_vjp(forward, vjp, *args, spec=definition, **options))


def test_the_textbooks_softmax_does_not() -> None:
    """It overflows where torch's does not."""
    forward, vjp, definition, args, _ = of_layer(NaiveSoftmaxLayer("softmax"), lambda X: F.softmax(X, dim=1))
    assert "vjp.forward.values" in failed(check_vjp(forward, vjp, *args, spec=definition))
