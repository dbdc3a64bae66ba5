"""Every shape in which people write gradients has a door: a right one passes, a wrong one fails under its own name."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from reference import Finding, Findings, check_function, check_gradient, check_layer, check_vjp
from tests.comparing import needs_torch
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

X, W, B, T = drawn(4, 3), drawn(3, 2), drawn(2), drawn(4, 2)


class Pair(NamedTuple):
    w: Any
    b: Any


def squares(w: Any, b: Any, wrong: float) -> tuple[Any, Any, Any]:
    """The mean square of X w + b - T, and its gradients; that of b is multiplied."""
    error = X @ w + b - T
    return (error**2).mean(), 2 * X.T @ error / error.size, wrong * 2 * error.sum(0) / error.size


def affine(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b


def affine_vjp(c: Any, x: Any, w: Any, b: Any, wrong: float = 1.0) -> Any:
    return c @ w.T, x.T @ c, wrong * c.sum(0)


def loss_of_array(wrong: float) -> Findings:
    return check_gradient(lambda x: ((x**2).sum(), wrong * 2 * x), X, effort="quick")


def loss_of_dict(wrong: float) -> Findings:
    def loss_and_grads(params: Any) -> Any:
        loss, w, b = squares(params["w"], params["b"], wrong)
        return float(loss), {"dw": w, "db": b}

    return check_gradient(loss_and_grads, {"w": W, "b": B}, effort="quick")


def loss_of_named_tuple(wrong: float) -> Findings:
    def loss_and_grads(params: Pair) -> Any:
        loss, w, b = squares(params.w, params.b, wrong)
        return loss, Pair(w, b)

    return check_gradient(loss_and_grads, Pair(W, B), effort="quick")


def loss_of_nested(wrong: float) -> Findings:
    def loss_and_grads(params: Any) -> Any:
        loss, w, b = squares(params[0]["w"], params[0]["more"][0], wrong)
        return loss, [{"w": w, "more": (b,)}]

    return check_gradient(loss_and_grads, [{"w": W, "more": [B]}], effort="quick")


def loss_of_numbers(wrong: float) -> Findings:
    return check_gradient(lambda p: (p[0] * p[1], [p[1], wrong * p[0]]), [2.0, 3.0], effort="quick")


def vjp_of_dict(wrong: float) -> Findings:
    def forward(x: Any, layer: Any) -> Any:
        return affine(x, layer["w"], layer["b"])

    def vjp(c: Any, x: Any, layer: Any) -> Any:
        dx, dw, db = affine_vjp(c, x, layer["w"], layer["b"], wrong)
        return dx, {"w": dw, "b": db}

    return check_vjp(forward, vjp, X, {"w": W, "b": B}, effort="quick")


def vjp_of_static(wrong: float) -> Findings:
    def forward(x: Any, axis: Any, mode: Any, *, keep: bool, scale: Any) -> Any:
        assert mode == "sum"
        assert isinstance(axis, int)
        return x.sum(axis=axis, keepdims=keep) * scale

    def vjp(c: Any, x: Any, axis: Any, mode: Any, *, keep: bool, scale: Any) -> Any:
        return (wrong * scale * np.broadcast_to(c if keep else np.expand_dims(c, axis), x.shape).copy(),)

    return check_vjp(forward, vjp, X, 1, "sum", kwargs={"keep": False, "scale": 3.0}, effort="quick")


def vjp_of_outputs(wrong: float) -> Findings:
    def forward(x: Any, y: Any) -> Any:
        return {"product": x * y, "more": (x.sum(0), x.argmax(0))}

    def vjp(c: Any, x: Any, y: Any) -> Any:
        return c["product"] * y + c["more"][0], wrong * c["product"] * x

    return check_vjp(forward, vjp, X, 2 + X, effort="quick")


def layer_of_functions(wrong: float) -> Findings:
    def forward(x: Any, w: Any, b: Any, settings: Any) -> Any:
        settings["calls"] = 1 + settings.get("calls", 0)
        assert settings["calls"] == 1
        return affine(x, w, b), (x, w, b)

    def backward(d: Any, cache: Any) -> Any:
        return affine_vjp(d, *cache, wrong)

    return check_layer(forward, backward, X, W, B, {"mode": "train"}, effort="quick")


def layer_with_names(wrong: float) -> Findings:
    def forward(x: Any, w: Any, b: Any) -> Any:
        return affine(x, w, b), (x, w, b)

    def backward(d: Any, cache: Any) -> Any:
        return dict(zip(("dx", "dw", "db"), affine_vjp(d, *cache, wrong), strict=True))

    return check_layer(forward, backward, X, W, B, effort="quick")


def layer_of_two_outputs(wrong: float) -> Findings:
    def forward(x: Any, h: Any) -> Any:
        return x * h, x + h, (x, h)

    def backward(d: Any, e: Any, cache: Any) -> Any:
        return d * cache[1] + e, wrong * (d * cache[0] + e)

    return check_layer(forward, backward, X, 1 + X, effort="quick")


class Affine:
    """A layer that keeps what it needs in itself."""

    def __init__(self, wrong: float) -> None:
        self.W, self.b, self.wrong = W.copy(), B.copy(), wrong

    def forward(self, x: Any) -> Any:
        self.x = x
        return affine(x, self.W, self.b)

    def backward(self, d: Any) -> Any:
        dx, self.dW, self.db = affine_vjp(d, self.x, self.W, self.b, self.wrong)
        return dx


class Lists(Affine):
    """The same with lists of parameters and of gradients, which share memory with the attributes."""

    def __init__(self, wrong: float) -> None:
        super().__init__(wrong)
        self.params, self.grads = [self.W, self.b], [np.zeros_like(self.W), np.zeros_like(self.b)]

    def backward(self, d: Any) -> Any:
        dx = super().backward(d)
        self.grads[0][...], self.grads[1][...] = self.dW, self.db
        return dx


class Parameter:
    def __init__(self, data: Any) -> None:
        self.data, self.grad = data, np.zeros_like(data)


class Parameters:
    """The same with parameters that are objects, whose gradients are added to."""

    def __init__(self, wrong: float) -> None:
        self.W, self.b, self.wrong = Parameter(W.copy()), Parameter(B.copy()), wrong

    def __call__(self, x: Any) -> Any:
        return affine(x, self.W.data, self.b.data), x

    def backward(self, d: Any, x: Any) -> Any:
        dx, dw, db = affine_vjp(d, x, self.W.data, self.b.data, self.wrong)
        self.W.grad += dw
        self.b.grad += db
        return dx


class Odd(Affine):
    """The same with gradients of a name that nobody could guess."""

    def backward(self, d: Any) -> Any:
        dx, self.first, self.second = affine_vjp(d, self.x, self.W, self.b, self.wrong)
        return dx


DOORS = {
    "loss of an array": (loss_of_array, "gradient of params"),
    "loss of a dict": (loss_of_dict, "gradient of params['b']"),
    "loss of a named tuple": (loss_of_named_tuple, "gradient of params[1]"),
    "loss of a nested structure": (loss_of_nested, "gradient of params[0]['more'][0]"),
    "loss of numbers": (loss_of_numbers, "gradient of params[1]"),
    "vjp of a dict": (vjp_of_dict, "gradient of args[1]['b']"),
    "vjp of settings": (vjp_of_static, "gradient[0]"),
    "vjp of several outputs": (vjp_of_outputs, "gradient[1]"),
    "layer of functions": (layer_of_functions, "gradient[2]"),
    "layer with names": (layer_with_names, "gradient[2]"),
    "layer of two outputs": (layer_of_two_outputs, "gradient[1]"),
    "layer with attributes": (lambda wrong: check_layer(Affine(wrong), X, effort="quick"), "gradient of layer.b"),
    "layer with lists": (lambda wrong: check_layer(Lists(wrong), X, effort="quick"), "gradient of layer.params[1]"),
    "layer with objects": (
        lambda wrong: check_layer(Parameters(wrong), X, effort="quick"),
        "gradient of layer.b['data']",
    ),
    "layer with names that are said": (
        lambda wrong: check_layer(Odd(wrong), X, parameters={"W": "first", "b": "second"}, effort="quick"),
        "gradient of layer.b",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOORS)
def test_right_gradients_pass(name: str) -> None:
    """Whatever the shape: nothing fails and nothing is a fault of the examiner."""
    door, _ = DOORS[name]
    findings = door(1.0)
    assert findings.ok
    assert not findings.failed


@pytest.mark.parametrize("name", DOORS)
def test_wrong_gradients_are_named_as_their_user_does(name: str) -> None:
    """The one gradient that is multiplied by 3 fails, under the name that it has in the user's structure."""
    door, what = DOORS[name]
    failed = door(3.0).failed[0]
    assert failed.due is not None
    assert failed.due["what"] == what
    assert failed.mistake == "scaled"


def failure(findings: Findings) -> Finding:
    return findings.failed[0]


def test_gradients_of_another_structure_are_told_by_their_keys() -> None:
    """A gradient that is missing is a mistake in the answer, not in the examiner."""
    failed = failure(check_gradient(lambda p: (p["w"].sum(), {"v": np.ones(3)}), {"w": np.ones(3)}))
    assert failed.mistake == "wrong-type"
    assert failed.due is not None
    assert failed.due.kind == "keys"


def test_loss_alone_is_told() -> None:
    """Who forgets to return the gradients is told what was expected."""
    failed = failure(check_gradient(lambda p: p.sum(), np.ones(3)))
    assert failed.due is not None
    assert (failed.due.kind, failed.mistake) == ("loss and gradients", "wrong-type")


def test_wrong_entry_of_an_output_has_its_own_index() -> None:
    """With a definition, an entry of the second output that is wrong is told by that output's name."""

    def forward(x: Any) -> Any:
        return 2 * x, x * np.array([1.0, 1.0, 2.0])

    def vjp(c: Any, x: Any) -> Any:
        return (2 * c[0] + c[1],)

    findings = check_vjp(forward, vjp, X, spec=lambda x: (2 * x, x))
    failed = failure(findings)
    assert failed.due is not None
    assert failed.due["what"] == "output[1]"
    assert failed.index is not None
    assert failed.index[-1] == 2


def test_specification_of_a_loss_takes_the_parameters() -> None:
    """As one value, in the structure that the loss takes."""

    def loss_and_grads(params: Any) -> Any:
        loss, w, b = squares(params["w"], params["b"], 1.0)
        return 1.5 * loss, {"w": w, "b": b}

    def loss(params: Any) -> Any:
        return ((X @ params["w"] + params["b"] - T) ** 2).mean()

    findings = check_gradient(loss_and_grads, {"w": W, "b": B}, spec=loss, effort="quick")
    assert {each.check for each in findings.failed} == {"vjp.forward.values"}


def test_legal_inputs_are_in_the_users_structure() -> None:
    """What is drawn, what is legal and what is held is said of the arguments as the functions take them."""
    asked: list[Any] = []

    def legal(x: Any, settings: Any) -> bool:
        asked.append(settings["scale"])
        return bool((x > 0).all())

    def draw(rng: Any) -> Any:
        return rng.rand(4, 3) + 0.1, {"scale": np.ones(3)}

    findings = check_vjp(
        lambda x, settings: np.log(x) * settings["scale"],
        lambda c, x, settings: (c * settings["scale"] / x, None),
        np.ones((4, 3)),
        {"scale": 2 * np.ones(3)},
        legal=legal,
        draw=draw,
        fixed=[1],
        effort="quick",
    )
    assert findings.ok
    assert all((each == 2).all() for each in asked)


def test_array_without_gradient_is_said() -> None:
    """Of an array that may be a parameter nobody claims that its gradient is right."""
    findings = check_layer(Odd(1.0), X, effort="quick")
    assert [each.check for each in findings if each.check.startswith("vjp.parameters")] == [
        "vjp.parameters.W",
        "vjp.parameters.b",
    ]
    assert not findings.failed


def test_layer_of_the_caller_is_left_as_it_was() -> None:
    """All calls are made on copies."""
    layer = Affine(1.0)
    check_layer(layer, X, effort="quick")
    assert set(vars(layer)) == {"W", "b", "wrong"}
    assert np.array_equal(layer.W, W)


def test_script_shows_the_failure() -> None:
    """The script of a finding makes the structure again and calls the user's own function."""
    failed = failure(vjp_of_dict(3.0))
    assert failed.repro is not None
    assert "args = (np.array(" in failed.repro
    assert len(failed.repro.splitlines()) <= 10


@pytest.mark.parametrize(
    ("call", "error", "place"),
    [
        (lambda: check_gradient(3, X), TypeError, "loss_and_grads"),  # type: ignore[arg-type]
        (lambda: check_gradient(np.sum, "x"), ValueError, "params"),
        (lambda: check_layer(affine), TypeError, "backward"),
        (lambda: check_layer(affine, 3), TypeError, "backward"),
        (lambda: check_layer(affine, affine_vjp, 3), ValueError, "args"),
        (lambda: check_layer(Affine(1.0)), ValueError, "args"),
        (lambda: check_layer(Affine(1.0), X, parameters={"V": "dV"}), ValueError, "parameters"),
        (lambda: check_vjp(affine, affine_vjp, X, {"w": W}, domain=[None]), ValueError, "domain"),
    ],
)
def test_wrong_use_is_refused(call: Any, error: type[Exception], place: str) -> None:
    """By the place that is wrong, with what was expected there and what came."""
    with pytest.raises(error, match=rf"^{place}: expected .* got ") as caught:
        call()
    assert caught.value.__cause__ is None


@needs_torch
def test_torch_functions() -> None:
    """A Function of PyTorch is judged through its own ``apply``, with settings passed on."""
    torch = pytest.importorskip("torch")

    class Scaled(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any, factor: float) -> Any:
            ctx.save_for_backward(x, w)
            ctx.factor = factor
            return factor * x * w, x + w

        @staticmethod
        def backward(ctx: Any, c: Any, d: Any) -> Any:
            x, w = ctx.saved_tensors
            return ctx.factor * c * w + d, ctx.factor * c * x + wrong * d, None

    given = torch.tensor(X), torch.tensor(1 + X), 2.0
    wrong = 1.0
    assert check_function(Scaled, *given, effort="quick").ok
    wrong = 2.0
    failed = failure(check_function(Scaled, *given, effort="quick"))
    assert failed.subject.endswith("Scaled.backward")
    assert failed.due is not None
    assert failed.due["what"] == "gradient[1]"


@needs_torch
def test_torch_function_that_writes_into_its_argument_is_seen() -> None:
    """The tensors of a check share memory with its arrays."""
    torch = pytest.importorskip("torch")

    class Doubled(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = 2 * x
            x.data += 1
            return y

        @staticmethod
        def backward(ctx: Any, c: Any) -> Any:
            return 2 * c

    assert "mutates-input" in {each.mistake for each in check_function(Doubled, torch.tensor(X), effort="quick").failed}
