"""How people lay out layers: which answer is whose gradient, and where parameters and their gradients are found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference.findings import Violation
from reference.gradients.doors import functions, layers, objects, tensors
from reference.gradients.doors.objects import Attribute, Parameter
from reference.gradients.doors.structure import Arrays
from tests.comparing import needs_torch

pytestmark = pytest.mark.catalogue

X, W = np.array([1.0, 2.0]), np.array([[3.0, 4.0]])


def template(*args: Any) -> tuple[Any, ...]:
    arrays = Arrays(numbers=False)
    return tuple(arrays.template(each, f"args[{number}]") for number, each in enumerate(args))


@pytest.mark.parametrize(
    ("answer", "output", "cache"),
    [((1, 2), 1, 2), ([1, 2], 1, 2), ((1, 2, 3), (1, 2), 3), ((X, (W, X)), X, (W, X))],
)
def test_the_cache_comes_last(answer: Any, output: Any, cache: Any) -> None:
    """Behind one output, or several, which are a tuple."""
    assert layers.parted(answer) == (output, cache)


@pytest.mark.parametrize("answer", [X, (X,), [X], None])
def test_an_output_without_cache_is_told(answer: Any) -> None:
    """With the type that came."""
    with pytest.raises(Violation) as caught:
        layers.parted(answer)
    assert (caught.value.due.kind, caught.value.mistake) == ("output and cache", "wrong-type")
    assert caught.value.came.fields["name"] == type(answer).__name__


@pytest.mark.parametrize(
    ("args", "answer", "found"),
    [
        ((X, W), (1, 2), (1, 2)),
        ((X, W), [1, 2], (1, 2)),
        ((X, W), {"x": 1, "w": 2}, (1, 2)),
        ((X, W), {"dx": 1, "grad_w": 2}, (1, 2)),
        ((X, W), {"x_grad": 1, "dw": 2, "b": 3}, (1, 2)),
        ((X, W), 1, (1,)),
        ((X,), 1, (1,)),
        ((X,), (1,), (1,)),
        ((X,), [1], (1,)),
        ((X,), (1, 2, 3), ((1, 2, 3),)),
        ((X, "mean"), (1, None), (1, None)),
        ((X, "mean"), {"x": 1}, (1,)),
        (({"a": X},), {"a": 1}, ({"a": 1},)),
    ],
)
def test_gradients_come_in_the_order_of_the_arguments(args: Any, answer: Any, found: Any) -> None:
    """Whether they come as a tuple, as a list, by their names or alone."""
    assert layers.in_order(template(*args), ("x", "w"), answer) == found


def test_a_gradient_without_its_name_is_told() -> None:
    """With the names that would do, and the keys that came."""
    with pytest.raises(Violation) as caught:
        layers.in_order(template(X, W), ("x", "w"), {"x": 1, "b": 2})
    assert caught.value.mistake == "wrong-type"
    assert "'w'" in str(caught.value.due)
    assert "'dw'" in str(caught.value.due)
    assert "'x', 'b'" in str(caught.value.came)


@pytest.mark.parametrize(
    ("args", "answer", "found"),
    [
        ((X,), 1, (1,)),
        ((X,), (1,), (1,)),
        ((X,), [1], ([1],)),
        ((X, W), (1, 2), (1, 2)),
        ((X, W), [1, 2], (1, 2)),
        ((X, "mean", W), (1, 2), (1, None, 2)),
        (("mean",), 1, (None,)),
    ],
)
def test_a_layer_answers_with_a_gradient_for_each_array(args: Any, answer: Any, found: Any) -> None:
    """None stands where an input is no array."""
    assert objects._of_inputs(answer, template(*args)) == found


@pytest.mark.parametrize(
    ("args", "answer", "count", "due"),
    [((X, W), (1, 2, 3), 3, "2"), ((X, W), 1, 1, "2"), ((X,), (1, 2), None, None)],
)
def test_too_many_or_too_few_gradients_are_told(args: Any, answer: Any, count: int | None, due: str | None) -> None:
    """With their numbers; of one input a pair may be the gradient, which its check finds out."""
    if count is None:
        assert objects._of_inputs(answer, template(*args)) == (answer,)
        return
    with pytest.raises(Violation) as caught:
        objects._of_inputs(answer, template(*args))
    assert caught.value.mistake == "wrong-type"
    assert str(count) in str(caught.value.came)
    assert str(due) in str(caught.value.due)


def layer_with(backward: Any) -> Any:
    return SimpleNamespace(backward=backward)


@pytest.mark.parametrize(
    ("backward", "takes"),
    [
        (lambda grad: grad, False),
        (lambda grad, cache: grad, True),
        (lambda grad, cache=None: grad, False),
        (lambda grad, *, cache: grad, False),
        (lambda grad, *caches: grad, False),
        (lambda grad, cache, /: grad, True),
        (dict.update, False),
        (None, False),
    ],
)
def test_a_cache_is_given_to_who_takes_it(backward: Any, takes: bool) -> None:
    """Who can be called with a cotangent alone gets no cache."""
    layer = layer_with(backward)
    assert objects._takes_cache(layer) is takes
    due = (1, (2,)) if takes else ((1, 2), ())
    assert objects._output_and_cache(layer, (1, 2)) == due
    assert objects._output_and_cache(layer, (1, 2, 3)) == (((1, 2), (3,)) if takes else ((1, 2, 3), ()))
    assert objects._output_and_cache(layer, (1,)) == ((1,), ())
    assert objects._output_and_cache(layer, [1, 2]) == ([1, 2], ())


class Linear:
    """A layer of which a test says where parameters and gradients are."""

    def __init__(self, leave: Any, **attributes: Any) -> None:
        self.__dict__.update(attributes)
        self._leave = leave

    def forward(self, x: Any) -> Any:
        return x

    def backward(self, grad: Any) -> Any:
        self._leave(self)
        return grad


def leaving(**attributes: Any) -> Any:
    return lambda layer: layer.__dict__.update(attributes)


@pytest.mark.parametrize("form", ["d{}", "grad_{}", "{}_grad", "d_{}", "g{}", "grad{}"])
def test_a_gradient_is_found_by_its_name(form: str) -> None:
    """However people spell it; the parameter is called as an attribute of the layer."""
    name = form.format("W")
    (found,) = objects._found(Linear(leaving(**{name: W}), W=W, b=np.zeros(0), n=3.0), (X,))
    assert (found.path, found.gradient, found.name) == (("W",), (name,), "layer.W")


@pytest.mark.parametrize(
    ("one", "other"), [("params", "grads"), ("parameters", "gradients"), ("params", "gradients"), ("weights", "grads")]
)
def test_gradients_are_found_in_containers(one: str, other: str) -> None:
    """In a dict by the same keys, or by the spellings of a name; in a list of the same length by their places."""
    values = {"W": W, "b": X, 3: X, "n": 2, "free": X}
    by_key = objects._found(Linear(leaving(**{other: {"W": W, "db": X, 3: X, "n": 1}}), **{one: values}), (X,))
    assert [(each.path, each.gradient) for each in by_key] == [
        ((one, "W"), (other, "W")), ((one, "b"), (other, "db")), ((one, 3), (other, 3)),
    ]  # fmt: skip
    assert by_key[0].name == f"layer.{one}['W']"
    assert Parameter((one, "W", 0), ()).name == f"layer.{one}['W'][0]"
    by_place = objects._found(Linear(leaving(**{other: (W, X, 1)}), **{one: [W, X, 2]}), (X,))
    assert [(each.path, each.gradient) for each in by_place] == [((one, 0), (other, 0)), ((one, 1), (other, 1))]
    assert objects._found(Linear(leaving(**{other: [W]}), **{one: [W, X]}), (X,)) == []


def test_gradients_are_found_in_parameter_objects() -> None:
    """Beside the array, which people call data, value or values."""
    for inner in ("data", "value", "values"):
        layer = Linear(lambda one: setattr(one.W, "grad", W), W=SimpleNamespace(**{inner: W}), other=SimpleNamespace())
        (found,) = objects._found(layer, (X,))
        assert found.path == ("W", inner)
        assert found.gradient == ("W", "grad")
        assert all(isinstance(each, Attribute) for each in (found.path[1], found.gradient[1]))
        assert objects._at(layer, found.path) is W


def test_attributes_in_slots_are_found() -> None:
    """Those of the classes above too, where they are set."""
    kind = type("Own", (type("Above", (), {"__slots__": ("W", "unset")}),), {"__slots__": ("b",)})
    layer = kind()
    layer.W, layer.b = W, X
    assert set(objects._attributes(layer)) == {"W", "b"}


def test_a_layer_whose_passes_fail_has_no_gradients() -> None:
    """What goes wrong is for the checks to find out; the layer itself stays as it is."""

    def fail(layer: Any) -> None:
        layer.dW = W
        raise ValueError

    layer = Linear(fail, W=W)
    assert [each.path for each in objects._found(layer, (X,))] == [("W",)]
    assert not hasattr(layer, "dW")


def test_what_is_left_over_is_no_parameter_and_no_gradient() -> None:
    """Nor the same array by another name."""
    layer = Linear(leaving(), W=W, dW=W.copy(), alias=W, mean=X, n=3, empty=np.zeros(0), whole=np.arange(3))
    found = [Parameter(("W",), ("dW",))]
    assert objects._left_over(layer, found) == ["mean"]
    finding = objects._without_gradient(layer, "mean")
    assert (finding.check, finding.subject, finding.status) == ("vjp.parameters.mean", "Linear.backward", "skipped")
    assert "mean" in str(finding.actual)


def test_names_that_are_said_are_attributes_with_numbers() -> None:
    """Arrays, or single numbers of floating point."""
    layer = Linear(leaving(), W=W, scale=2.0, name="x", n=3)
    found = objects._said(layer, {"W": "dW", "scale": "dscale"})
    assert [(each.path, each.gradient) for each in found] == [(("W",), ("dW",)), (("scale",), ("dscale",))]
    for name in ("name", "n", "nowhere"):
        with pytest.raises(ValueError, match=name):
            objects._said(layer, {name: "d"})


def test_a_value_goes_into_the_array_that_is_there() -> None:
    """Another shape or type takes its place wherever the layer refers to it: in lists, dicts and layers inside."""
    inner = SimpleNamespace(weight=W.copy())
    layer = SimpleNamespace(W=inner.weight, params=[inner.weight, {"W": inner.weight}], inner=inner, pair=(1, inner))
    layer.itself = layer
    array = layer.W
    objects._put(layer, ("W",), np.array([[5.0, 6.0]]))
    assert layer.W is array
    assert array.tolist() == [[5.0, 6.0]]
    for new in (np.zeros((2, 2)), np.zeros((2, 2), np.float32)):
        objects._put(layer, ("params", 0), new)
        assert all(each is new for each in (layer.W, layer.params[0], layer.params[1]["W"], inner.weight))


def test_a_single_number_is_set_where_it_is() -> None:
    """As an attribute, under a key or at a place."""
    layer = SimpleNamespace(scale=1.0, params={"s": 1.0, "more": [1.0, 2.0]})
    for path in (("scale",), ("params", "s"), ("params", "more", 1)):
        objects._put(layer, path, 3.0)
        assert objects._at(layer, path) == 3.0
    assert layer.params["more"] == [1.0, 3.0]


def test_a_specification_gets_parameters_by_their_names() -> None:
    """Where they are names; else in their order."""

    def spec(*args: Any, **options: Any) -> Any:
        return args, options

    by_name = objects._with_parameters(spec, 1, [Parameter(("W",), ("dW",)), Parameter(("params", "b"), ())])
    assert by_name(1, 2, 3) == ((1,), {"W": 2, "b": 3})
    assert objects._with_parameters(spec, 1, [Parameter(("params", 0), ())]) is spec


def test_a_gradient_that_is_not_left_is_told() -> None:
    """As missing, by the parameter's name."""
    with pytest.raises(Violation) as caught:
        objects._gradient(SimpleNamespace(grads={}), Parameter(("params", "W"), ("grads", "W")))
    assert caught.value.mistake == "missing"
    assert "layer.params['W']" in str(caught.value.due)
    assert caught.value.came.fields["error"] == "KeyError"


def test_a_layer_has_a_backward() -> None:
    """A class or a function is none; without forward it is called itself, or refused."""
    assert objects.is_layer(Linear(leaving()))
    assert not objects.is_layer(Linear)
    assert not objects.is_layer(SimpleNamespace(backward=3))
    called = type("Called", (), {"__call__": lambda self, x: 2 * x})()
    assert objects._forward_of(called)(called)(3) == 6
    layer = Linear(leaving())
    assert objects._forward_of(layer)(layer)(3) == 3
    with pytest.raises(TypeError, match="SimpleNamespace"):
        objects._forward_of(SimpleNamespace(forward=3))
    assert objects._method(layer, "forward").__qualname__ == "Linear.forward"
    assert objects._method(layer, "forward").__module__ == Linear.__module__


def test_gradients_are_looked_for_with_the_cache_and_on_copies() -> None:
    """A layer is given what its own forward pass has left, and may write into its inputs."""

    class Cached:
        def __init__(self) -> None:
            self.W = X.copy()

        def forward(self, x: Any) -> Any:
            x *= 2.0
            return 3.0 * x, x

        def backward(self, grad: Any, cache: Any) -> Any:
            self.dW = grad * cache
            return grad

    layer, x = Cached(), X.copy()
    after = objects._after_backward(layer, (x,))
    assert after.dW.tolist() == (2 * X).tolist()
    assert x.tolist() == X.tolist()
    assert not hasattr(layer, "dW")
    (found,) = objects._found(layer, (x,))
    assert (found.path, found.gradient) == (("W",), ("dW",))


def test_a_script_writes_down_keyword_arguments() -> None:
    """All of them, in both calls."""
    found = functions._adapter(np.sum, np.sum, (X,), {"axis": 0, "keepdims": True})
    assert found is not None
    script = functions._script(found, {"axis": 0, "keepdims": True})
    assert script.forward[-1] == "print(sum(*args, axis=0, keepdims=True))"
    assert script.vjp[-1] == "print(sum(cotangent, *args, axis=0, keepdims=True))"


def test_a_forward_pass_is_tried_with_copies() -> None:
    """What it raises is for the checks to find out."""

    def writing(x: Any) -> Any:
        x *= 2.0
        return x

    x = X.copy()
    assert functions._answer(writing, (x,)).tolist() == (2 * X).tolist()
    assert x.tolist() == X.tolist()
    assert functions._answer(lambda x: x.missing, (X,)) is None


@needs_torch
def test_arrays_are_shared_with_tensors_where_they_can_be() -> None:
    """What is read-only or laid out in another order is copied; what is no array stays as it is."""
    fixed = X.copy()
    fixed.flags.writeable = False
    plain, turned, read_only, word = tensors._shared([X, np.ones((2, 3)).T, fixed, "mean"])
    assert plain.data_ptr() == X.ctypes.data
    assert tuple(turned.shape) == (3, 2)
    assert turned.is_contiguous()
    assert read_only.data_ptr() != fixed.ctypes.data
    assert word == "mean"
    one, (two, three) = tensors._detached([plain, (read_only, "mean")])
    assert (one.tolist(), two.tolist(), three) == (X.tolist(), X.tolist(), "mean")


@needs_torch
def test_a_function_of_torch_is_applied_and_pulled_back() -> None:
    """Each argument of floating point has its gradient; others, and what does not enter, have none."""
    import torch  # noqa: PLC0415 - optional

    class Scaled:
        @staticmethod
        def apply(x: Any, n: Any, unused: Any, whole: Any) -> Any:
            return 2.0 * x * n, whole

    whole = np.arange(2)
    found = tensors.applied(Scaled, (X, 3, X, whole))
    assert [type(each) for each in found] == [np.ndarray, np.ndarray]
    assert found[0].tolist() == (6.0 * X).tolist()
    gradients = tensors.pulled_back(Scaled, (np.array([1.0, 10.0]), None), (X, 3, X.copy(), whole))
    assert gradients[0].tolist() == [6.0, 60.0]
    assert gradients[1:] == (None, None, None)
    joined = tensors.joined([torch.ones(2, 1), 3.0, X])
    assert joined.tolist() == [1.0, 1.0, 3.0, *X.tolist()]
    assert tensors.as_array_if_tensor(torch.ones(2, requires_grad=True)).tolist() == [1.0, 1.0]
    assert tensors.as_array_if_tensor("mean") == "mean"
