"""What a door makes of its functions: flat ones, with each option in their terms, and findings in the user's names."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from reference.findings import Finding, Findings, Violation
from reference.gradients import check
from reference.gradients.doors import functions, layers, losses, objects
from reference.gradients.doors.adapter import Adapter
from reference.gradients.doors.structure import Arrays, Structure

pytestmark = pytest.mark.catalogue

X, W, B = np.array([1.0, 2.0]), np.array([[3.0, 4.0]]), np.array(0.5)


class Call(NamedTuple):
    """With what the judge of functions of arrays was called."""

    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    arrays: tuple[Any, ...]
    options: dict[str, Any]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Every call of `check.check_vjp`, which judges nothing here."""
    calls: list[Call] = []

    def judge(forward: Any, vjp: Any, *arrays: Any, **options: Any) -> Findings:
        calls.append(Call(forward, vjp, arrays, options))
        return Findings([Finding("vjp.gradient[0].layouts", "f", "passed", "")])

    monkeypatch.setattr(check, "check_vjp", judge)
    return calls


def product(x: Any, w: Any) -> Any:
    return x * w


def product_vjp(c: Any, x: Any, w: Any) -> Any:
    return c * w, c * x


def of_params(params: Any) -> Any:
    return params["w"].sum() * params["b"], {"w": params["b"] + 0 * params["w"], "b": params["w"].sum()}


def with_cache(x: Any, w: Any) -> Any:
    return x * w, (x, w)


def from_cache(d: Any, cache: Any) -> Any:
    return d * cache[1], d * cache[0]


class Scaling:
    """A layer with one parameter."""

    def __init__(self) -> None:
        self.W = W.copy()

    def forward(self, x: Any) -> Any:
        self.x = x
        return x * self.W

    def backward(self, d: Any) -> Any:
        self.dW = d * self.x
        return d * self.W


#: Each door, with what its functions take.
DOORS: dict[str, Callable[..., Any]] = {
    "functions": lambda **o: functions.check_vjp(product, product_vjp, {"x": W}, W, **o),
    "plain functions": lambda **o: functions.check_vjp(product, product_vjp, W, W, **o),
    "a loss": lambda **o: losses.check_gradient(of_params, {"w": X, "b": B}, **o),
    "a pair": lambda **o: layers.check_layer(with_cache, from_cache, W, W, **o),
    "a layer": lambda **o: layers.check_layer(Scaling(), W, **o),
}
#: Options that are passed on as they are.
AS_THEY_ARE = {
    "owns": True, "seed": 17, "effort": "exhaustive", "only": "vjp.forward.*", "budget": 7.5, "progress": print,
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("option", AS_THEY_ARE)
def test_each_option_reaches_the_judge(door: str, option: str, called: list[Call]) -> None:
    """As it is given; what is not given is left to the judge."""
    DOORS[door](**{option: AS_THEY_ARE[option]})
    (call,) = called
    assert call.options[option] is AS_THEY_ARE[option]
    assert not call.options.keys() & (AS_THEY_ARE.keys() - {option})
    if door not in {"plain functions", "a loss"}:
        DOORS[door](fixed=(1,) if door != "a layer" else (0,))
        assert called[-1].options["fixed"] == ([1] if door != "a layer" else [0])


@pytest.mark.parametrize("door", DOORS)
def test_options_without_which_a_door_is_asked_say_nothing(door: str, called: list[Call]) -> None:
    """No definition, no domain, nothing held; a loss alone has no cotangent."""
    DOORS[door]()
    (call,) = called
    told = {"spec": None, "domain": None, "legal": None, "draw": None, "fixed": []}
    assert {name: call.options.get(name, told[name]) for name in told} == told
    assert call.options.get("takes_cotangent", True) is (door != "a loss")


@pytest.mark.parametrize("door", [each for each in DOORS if each != "plain functions"])
def test_what_is_said_of_inputs_is_said_of_arrays(door: str, called: list[Call]) -> None:
    """A definition, a predicate and a drawing are called with what the user's functions take."""
    seen: list[Any] = []

    def said(*args: Any) -> Any:
        seen.append(args)
        return args[0]

    structured = {"functions": ({"x": W}, W), "a loss": {"w": X, "b": B}, "a pair": (W, W), "a layer": (W, W)}[door]
    DOORS[door](spec=lambda *args, **more: 2.5, legal=said, draw=lambda rng: structured, domain=(0.0, 9.0))
    (call,) = called
    taken = structured if isinstance(structured, tuple) else (structured,)
    assert call.options["legal"](*call.arrays) is not None
    assert repr(seen.pop()) == repr(taken)
    assert [each.tolist() for each in map(np.asarray, call.options["draw"](np.random.RandomState(0)))] == [
        np.asarray(each).tolist() for each in call.arrays
    ]
    assert call.options["spec"](*call.arrays) == 2.5
    assert call.options["domain"] == [(0.0, 9.0)] * len(call.arrays)


def test_a_definition_of_a_layer_takes_its_parameters_by_name(called: list[Call]) -> None:
    """After the inputs; that of a loss takes the parameters as one."""
    DOORS["a layer"](spec=lambda x, *, W: x + 2 * W)
    assert called[-1].options["spec"](X, W).tolist() == (X + 2 * W).tolist()
    DOORS["a loss"](spec=lambda params: params["w"] * params["b"])
    assert called[-1].options["spec"](X, B).tolist() == (X * B).tolist()
    DOORS["a pair"](spec=lambda x, w: (x, w))
    assert called[-1].options["spec"](X, W).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("door", DOORS)
def test_functions_are_flat_and_keep_their_names(door: str, called: list[Call]) -> None:
    """From arrays to one array, and from its cotangent to a gradient for each of them."""
    DOORS[door]()
    (call,) = called
    if door in {"plain functions", "functions"}:
        assert (call.forward.__qualname__, call.vjp.__qualname__) == ("product", "product_vjp")
    elif door == "a loss":
        assert (call.forward.__qualname__, call.vjp.__qualname__) == ("of_params", "of_params")
    elif door == "a pair":
        assert (call.forward.__qualname__, call.vjp.__qualname__) == ("with_cache", "from_cache")
    else:
        assert (call.forward.__qualname__, call.vjp.__qualname__) == ("Scaling.forward", "Scaling.backward")
    assert call.forward.__module__ == call.vjp.__module__ == __name__
    if door != "a layer":
        assert (call.forward.__name__, call.vjp.__name__) == (call.forward.__qualname__, call.vjp.__qualname__)
    assert not hasattr(call.forward, "__wrapped__")
    if door == "functions":
        return
    due = X.sum() * B if door == "a loss" else W * W
    assert np.array_equal(call.forward(*call.arrays), due)
    gradients = call.vjp(np.ones(np.shape(due)), *call.arrays)
    assert type(gradients) is tuple
    expected = [B + 0 * X, X.sum()] if door == "a loss" else [W, W]
    assert [np.asarray(each).tolist() for each in gradients] == [np.asarray(each).tolist() for each in expected]


def test_keyword_arguments_are_passed_on(called: list[Call]) -> None:
    """To both functions, as copies; a script writes them down."""
    seen: list[Any] = []

    def forward(x: Any, *, names: Any) -> Any:
        seen.append(names)
        return x

    def vjp(c: Any, x: Any, *, names: Any) -> Any:
        seen.append(names)
        return (c,)

    names = ["a"]
    functions.check_vjp(forward, vjp, X, kwargs={"names": names})
    (call,) = called
    call.forward(X)
    call.vjp(X, X)
    assert seen[-2:] == [["a"], ["a"]]
    assert all(each is not names for each in seen[-2:])
    assert [each.tolist() for each in call.vjp(3 * X, X)] == [(3 * X).tolist()]


def test_gradients_of_a_pair_may_come_by_name(called: list[Call]) -> None:
    """Those of the parameters of its forward pass."""
    layers.check_layer(with_cache, lambda d, cache: {"dw": d * cache[0], "x": d * cache[1]}, W, W + 1)
    found = called[-1].vjp(np.ones(W.shape), W, W + 1)
    assert [each.tolist() for each in found] == [(W + 1).tolist(), W.tolist()]


@pytest.mark.parametrize(("doored", "said"), [
    (lambda: functions.check_vjp(3, product_vjp, X), "forward: "),  # type: ignore[arg-type]
    (lambda: functions.check_vjp(product, 3, X), "vjp: "),  # type: ignore[arg-type]
    (lambda: losses.check_gradient(3, X), "loss_and_grads: "),  # type: ignore[arg-type]
    (lambda: losses.check_gradient(of_params, {"a": None}), "params: .* got dict"),
    (lambda: layers.check_layer(3, from_cache, X), "forward: "),
    (lambda: layers.check_layer(with_cache, 3, X), "backward: "),
    (lambda: layers.check_layer(with_cache), "backward: .* got nothing"),
    (lambda: layers.check_layer(with_cache, from_cache, "mean"), "args: .* got none"),
    (lambda: layers.check_layer(Scaling()), "args: .* got none"),
    (lambda: layers.check_layer(SimpleNamespace(backward=print), "mean"), "layer: .* got SimpleNamespace"),
])  # fmt: skip
def test_wrong_use_of_a_door_is_told(doored: Callable[[], Any], said: str) -> None:
    """By the name of what is wrong, and what came."""
    with pytest.raises((TypeError, ValueError), match=f"^{said}"):
        doored()


@pytest.mark.parametrize(("answer", "kind", "count"), [
    (2.5, "type", None), (None, "type", None), ((1,), "several", 1), ([1, 2, 3], "several", 3),
])  # fmt: skip
def test_a_loss_comes_with_its_gradients(answer: Any, kind: str, count: int | None) -> None:
    """Two in a tuple or a list; what else comes is told by its type."""
    with pytest.raises(Violation) as caught:
        losses._two(answer)
    assert (caught.value.due.kind, caught.value.came.kind) == ("loss and gradients", kind)
    assert caught.value.came.fields["name"] == type(answer).__name__
    assert caught.value.came.fields.get("count") == count
    assert caught.value.mistake == "wrong-type"
    assert losses._two([1, {"a": 2}]) == (1, {"a": 2})


def test_a_plain_function_needs_no_adapter() -> None:
    """One of arrays alone that answers one array; keyword arguments, structures and several outputs need one."""

    def two(x: Any) -> Any:
        return x, x

    def one_in_a_tuple(x: Any) -> Any:
        return (x,)

    def fails(x: Any) -> Any:
        raise ValueError

    assert functions._adapter(np.tanh, np.tanh, (X,), {}) is None
    assert functions._adapter(one_in_a_tuple, np.tanh, (X,), {}) is None
    assert functions._adapter(fails, np.tanh, (X,), {}) is None
    assert functions._adapter(np.tanh, np.tanh, (), {}) is None
    assert functions._adapter(np.tanh, np.tanh, ("mean",), {}) is None
    for needing in ((two, (X,), {}), (lambda x: {"a": x}, (X,), {}), (np.tanh, (X,), {"k": 1}), (np.tanh, ((X,),), {}),
                    (np.tanh, (X, "mean"), {})):  # fmt: skip
        assert functions._adapter(needing[0], np.tanh, needing[1], needing[2]) is not None


# The adapter


def adapter(*args: Any, is_arguments: bool = True, named: Any = (product, product_vjp), **more: Any) -> Adapter:
    arrays = Arrays()
    template = tuple(arrays.template(each, f"args[{n}]") for n, each in enumerate(args))
    if not is_arguments:
        (template,) = template
    return Adapter(Structure(template, tuple(arrays.names)), tuple(arrays.found), lambda given: given,
                   lambda c, given: given, named, is_arguments=is_arguments, **more)  # fmt: skip


@pytest.mark.parametrize(("args", "domain", "found"), [
    ((X, W), None, None),
    ((X, W), (0, 1), [(0, 1), (0, 1)]),
    ((X, W), [(0, 1), None], [(0, 1), None]),
    ((X, {"a": W, "b": [X, W]}), [None, {"b": [(0, 1), (2, 3)]}], [None, None, (0, 1), (2, 3)]),
    ((X, {"a": W, "b": (X, W)}), [None, (0, 2)], [None, (0, 2), (0, 2), (0, 2)]),
    ((X, "mean", W), [(0, 1), None, (2, 3)], [(0, 1), (2, 3)]),
])  # fmt: skip
def test_a_domain_is_one_interval_for_each_array(args: Any, domain: Any, found: Any) -> None:
    """One pair stands for all arrays of a structure, a dict for those of its keys."""
    assert adapter(*args).domain(domain) == found


@pytest.mark.parametrize("domain", [[(0, 1)], [(0, 1)] * 3, "ab", 3])
def test_a_domain_of_another_length_is_told(domain: Any) -> None:
    """With the number of entries that is due."""
    with pytest.raises(ValueError, match=r"^domain: expected one entry for each of the 2 arguments, got "):
        adapter(X, W).domain(domain)


@pytest.mark.parametrize(("args", "fixed", "found"), [
    ((X, W), (), []), ((X, W), 1, [1]), ((X, W), [1, 0], [1, 0]), (({"a": X, "b": W}, W), (0,), [0, 1]),
    (({"a": X, "b": W}, W), (1,), [2]), ((X, "mean", W), (2,), [1]), ((X, W), (7,), [7]), ((X, W), ["a"], ["a"]),
])  # fmt: skip
def test_arguments_that_are_held_hold_all_their_arrays(args: Any, fixed: Any, found: Any) -> None:
    """By the numbers of the arguments; what is no such number is left to the judge to refuse."""
    assert adapter(*args).inputs(None, fixed, None) == {"legal": None, "draw": None, "fixed": found}


def test_what_is_no_function_is_left_to_the_judge() -> None:
    """A definition, a predicate or a drawing that cannot be called comes through as it is."""
    one = adapter(X)
    assert one.definition(None) is None
    assert one.definition(3) == 3  # type: ignore[arg-type]
    assert one.inputs("a", (), "b") == {"legal": "a", "draw": "b", "fixed": []}
    params = adapter({"a": X, "b": W}, is_arguments=False)
    assert params.inputs(None, (0,), None)["fixed"] == [0]
    assert params.definition(lambda p: p["a"] * p["b"])(X, W).tolist() == (X * W).tolist()  # type: ignore[misc]
    assert params.inputs(sorted, (), None)["legal"](X, W) == ["a", "b"]
    assert [each.tolist() for each in params.inputs(None, (), lambda rng: {"b": W, "a": X})["draw"](None)] == [
        X.tolist(), W.tolist(),
    ]  # fmt: skip


def test_a_layer_is_copied_for_each_call(called: list[Call]) -> None:
    """With the parameters that it is asked with; the caller's keeps its own, and what is left over is told."""
    layer = Scaling()
    layer.mean = np.ones(3)  # type: ignore[attr-defined]
    found = layers.check_layer(layer, W)
    (call,) = called
    assert call.forward(W, 2 * W).tolist() == (2 * W * W).tolist()
    assert [each.tolist() for each in call.vjp(np.ones((1, 2)), W, 2 * W)] == [(2 * W).tolist(), W.tolist()]
    assert layer.W.tolist() == W.tolist()
    assert not hasattr(layer, "dW")
    assert [each.check for each in found] == ["vjp.gradient[0].layouts", "vjp.parameters.mean"]
    layers.check_layer(layer, W, parameters={"W": "dW"})
    assert len(layers.check_layer(layer, W, parameters={"W": "dW"})) == 1
    assert objects.Parameter(("params", "W"), ()).name == "layer.params['W']"


def test_a_torch_function_is_judged_without_layouts(called: list[Call]) -> None:
    """Its tensors are arrays, its methods have its name, and PyTorch takes care of layouts and memory."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (the project's extra 'torch')")
    from reference.gradients.doors import torch_functions  # noqa: PLC0415 - beside torch

    class Twice(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any, name: Any) -> Any:
            return 2 * x, y

        @staticmethod
        def backward(ctx: Any, c: Any, d: Any) -> Any:
            return 2 * c, None, None

    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    found = torch_functions.check_function(Twice, x, torch.arange(3), "mean", seed=3, only="*.layouts")
    assert list(found) == []  # the only one that the judge answers
    (call,) = called
    assert (call.options["seed"], call.options["only"]) == (3, "*.layouts")
    assert call.forward.__qualname__.endswith("Twice.forward")
    assert call.vjp.__qualname__.endswith("Twice.backward")
    assert call.forward.__module__ == __name__
    assert [each.dtype.kind for each in call.arrays] == ["f", "i"]
    assert np.asarray(call.forward(*call.arrays)).tolist() == [2, 4]
    with pytest.raises(TypeError, match=r"^function: .* got abs"):
        torch_functions.check_function(abs, x)
    with pytest.raises(ValueError, match=r"^tensors: .* got none"):
        torch_functions.check_function(Twice, "mean")
