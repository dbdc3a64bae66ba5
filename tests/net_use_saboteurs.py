"""Networks that are right when they are called once, and wrong in how they are used: by method, and why."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from tests.spoiling import off

_MLP: Any = plain.MLP
Methods = Mapping[str, Callable[..., Any]]
METHODS = ("propagate", "evaluate", "gradient")


@dataclass(frozen=True)
class NetSaboteur:
    """A network that is wrong in one kind of use.

    Attributes
    ----------
    name
        The kind of use, in words.
    checks
        The ids of checks of which at least one has to see it, without ``mlp.``.
    methods
        Its own methods.
    """

    name: str
    checks: tuple[str, ...]
    methods: Methods

    @property
    def blamed(self) -> str:
        """The method that is wrong."""
        return self.checks[0].partition(".")[0]

    def classes(self) -> dict[str, type]:
        """All the contract's classes, with this network."""
        return {**plain.CLASSES, "MLP": type("MLP", (plain.MLP,), dict(self.methods))}


def of(name: str, checks: str, methods: Methods) -> NetSaboteur:
    """A saboteur; ``checks`` with blanks between them."""
    return NetSaboteur(name, tuple(checks.split()), methods)


def changed(found: Any, change: Callable[[Any], Any] = off) -> Any:
    """An answer with another one in its place, part by part if it is a gradient."""
    return {name: change(parts) for name, parts in found.items()} if isinstance(found, dict) else change(found)


def wrong_where(method: str, kind: Callable[..., Any], change: Callable[[Any], Any] = off) -> Methods:
    """A method that is wrong where ``kind`` says so of the network, the batch and the options."""
    right = getattr(_MLP, method)

    def wrong(self: Any, *args: Any, **options: Any) -> Any:
        found = right(self, *args, **options)
        return changed(found, change) if kind(self, *args, **options) else found

    return {method: wrong}


def _from_call(method: str, number: int, change: Callable[[Any], Any] = off) -> Methods:
    """Wrong from its so many-th call on."""

    def is_late(net: Any, *_: Any, **__: Any) -> bool:
        net.calls = getattr(net, "calls", 0) + 1
        return bool(net.calls >= number)

    return wrong_where(method, is_late, change)


def _kept_by_id(method: str, *, only_last: bool = False) -> Methods:
    """Keeps its answers by the id of the batch, or the last answer alone."""
    right = getattr(_MLP, method)

    def wrong(self: Any, X: Any, *args: Any, **options: Any) -> Any:
        kept = self.__dict__.setdefault("kept", {})
        key = (id(X), X.shape, repr(options))
        if key not in kept:
            if only_last:
                kept.clear()
            kept[key] = copy.deepcopy(right(self, X, *args, **options))
        return copy.deepcopy(kept[key])

    return {method: wrong}


def _memo(method: str) -> Methods:
    """Answers every batch of a size as it answered the first."""
    right = getattr(_MLP, method)

    def wrong(self: Any, X: Any, *args: Any, **options: Any) -> Any:
        kept = self.__dict__.setdefault("kept", {})
        key = (X.shape, repr(options))
        if key not in kept:
            kept[key] = copy.deepcopy(right(self, X, *args, **options))
        return copy.deepcopy(kept[key])

    return {method: wrong}


def _one_buffer(method: str) -> Methods:
    """The same arrays in every answer to batches of a size."""
    right = getattr(_MLP, method)

    def wrong(self: Any, X: Any, *args: Any, **options: Any) -> Any:
        found = right(self, X, *args, **options)
        buffer = self.__dict__.setdefault("buffers", {}).setdefault((X.shape, repr(options)), found)
        for name in found if isinstance(found, dict) else ():
            for place, part in zip(buffer[name], found[name], strict=True):
                place[...] = part
        if not isinstance(found, dict):
            buffer[...] = found
        return buffer

    return {method: wrong}


def _spoiling(method: str, spoil: Callable[..., None]) -> Methods:
    """Right, and spoils something afterwards."""
    right = getattr(_MLP, method)

    def wrong(self: Any, X: Any, *args: Any, **options: Any) -> Any:
        found = right(self, X, *args, **options)
        spoil(self, X, *args, *options.values())
        return found

    return {method: wrong}


def _decays(net: Any, *_: Any) -> None:
    for layer in net.layers:
        if layer.has_params():
            layer.W *= 0.9


def _moves_biases(net: Any, *_: Any) -> None:
    net.layers[0].b += 1e-3


def _clears_inputs(net: Any, X: Any, *_: Any) -> None:
    X[...] = 0


def _clears_targets(net: Any, X: Any, T: Any) -> None:
    T[...] = 0


def _grows(net: Any, *_: Any) -> None:
    net.layers = [*net.layers, *net.output_layers]


def _appends(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Appends the output layers to the others, and leaves them there."""
    layers = self.layers
    if output_layers:
        layers += self.output_layers
    for layer in layers:
        X = layer.forward(X)
        if layer.name == last_layer:
            break
    return X


def _gives_inputs_away(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Its answer is a view of the inputs where there are enough of them."""
    found = _MLP.propagate(self, X, output_layers, last_layer)
    if found.size > X.size:
        return found
    view = X.ravel()[: found.size].reshape(found.shape)
    view[...] = found
    return view


def _trained(net: Any, *_: Any, **__: Any) -> bool:
    """Whether the parameters are no longer those that it saw first."""
    weights = [layer.W for layer in net.layers if layer.has_params()]
    first = net.__dict__.setdefault("first", [W.copy() for W in weights])
    return any(not np.array_equal(one, other) for one, other in zip(weights, first, strict=True))


def _after_another_size(net: Any, X: Any, *_: Any, **__: Any) -> bool:
    first = net.__dict__.setdefault("size", len(X))
    return bool(len(X) != first)


def _after_gradient(self: Any, X: Any, T: Any) -> Any:
    self.asked = True
    return _MLP.gradient(self, X, T)


_STATE = "{0}.no_state {0}.in_any_order"
#: What one network is asked several times.
SEQUENCES = [
    *(
        of(f"{what} of {method}", f"{_STATE.format(method)} {method}.changes_nothing", make(method))
        for method in METHODS
        for what, make in {
            "the third answer": lambda method: _from_call(method, 3),
            "answers kept by the id": _kept_by_id,
            "the last answer kept by the id": partial(_kept_by_id, only_last=True),
            "the first answer again": _memo,
            "one buffer for all answers": _one_buffer,
            "parameters that decay after a call": lambda method: _spoiling(method, _decays),
            "biases that move after a call": lambda method: _spoiling(method, _moves_biases),
            "inputs that are cleared after a call": lambda method: _spoiling(method, _clears_inputs),
            "layers that grow after a call": lambda method: _spoiling(method, _grows),
            "answers after training": lambda method: wrong_where(method, _trained),
            "answers to another size of batch": lambda method: wrong_where(method, _after_another_size),
        }.items()
    ),
    of("a gradient uphill from the third call on", _STATE.format("gradient"),
       _from_call("gradient", 3, lambda parts: [-part for part in parts])),
    of("output layers that are appended each time", "propagate.changes_nothing", {"propagate": _appends}),
    of("inputs that are overwritten by the answer", "propagate.changes_nothing", {"propagate": _gives_inputs_away}),
    of("targets cleared by evaluate", "evaluate.changes_nothing", _spoiling("evaluate", _clears_targets)),
    of("targets cleared by gradient", "gradient.changes_nothing", _spoiling("gradient", _clears_targets)),
    of(
        "losses after a gradient",
        "gradient.no_state evaluate.in_any_order",
        {**wrong_where("evaluate", lambda net, *_, **__: getattr(net, "asked", False)), "gradient": _after_gradient},
    ),
]  # fmt: skip


def _arrays(*args: Any, **options: Any) -> list[Any]:
    return [each for each in (*args, *options.values()) if isinstance(each, np.ndarray)]


def _is_single(net: Any, *args: Any, **options: Any) -> bool:
    return any(array.dtype == np.float32 for array in _arrays(*args, **options))


def _is_fortran(net: Any, *args: Any, **options: Any) -> bool:
    return any(array.flags.f_contiguous and not array.flags.c_contiguous for array in _arrays(*args, **options))


def _is_strided(net: Any, X: Any, *_: Any, **__: Any) -> bool:
    return not (X.flags.c_contiguous or X.flags.f_contiguous)


def _raises(found: Any) -> Any:
    raise TypeError("single precision is not supported")


def _rounded(found: Any) -> Any:
    """To single precision."""
    if isinstance(found, list):
        return [_rounded(part) for part in found]
    return np.asarray(found, dtype=np.float32).astype(np.float64)


def _writes_back(method: str) -> Methods:
    """Writes the inputs into themselves, which no array that is read-only allows."""
    return _spoiling(method, lambda net, X, *_: X.__setitem__(slice(None), X))


#: X and T in another dtype or memory layout, and batches of other sizes.
ARRAYS = [
    of(f"{what} of {method}", f"{method}.{check}", make(method))
    for method in METHODS
    for what, check, make in (
        ("an exception in single precision", "single_precision", lambda m: wrong_where(m, _is_single, _raises)),
        ("low precision in single precision", "single_precision", lambda m: wrong_where(m, _is_single, _rounded)),
        ("Fortran order", "layouts", lambda m: wrong_where(m, _is_fortran)),
        ("strides", "layouts", lambda m: wrong_where(m, _is_strided)),
        ("read-only arrays", "layouts", _writes_back),
        ("hundreds of samples", "batch_sizes", lambda m: wrong_where(m, lambda net, X, *_, **__: len(X) > 250)),
        ("more than thirty samples", "batch_sizes", lambda m: wrong_where(m, lambda net, X, *_, **__: len(X) > 30)),
    )
] + [
    of("the first hundred samples alone", "evaluate.batch_sizes", wrong_where(
        "evaluate", lambda net, X, *_, **__: len(X) > 100, lambda losses: losses[:100])),
]  # fmt: skip


def _swapped(self: Any, T: Any, X: Any) -> Any:
    return _MLP.evaluate(self, X, T)


def _swapped_gradient(self: Any, T: Any, X: Any) -> Any:
    return _MLP.gradient(self, X, T)


def _keywords_alone(self: Any, X: Any, *, output_layers: Any = True, last_layer: Any = None) -> Any:
    return _MLP.propagate(self, X, output_layers, last_layer)


def _last_layer_first(self: Any, X: Any, last_layer: Any = None, output_layers: Any = True) -> Any:
    return _MLP.propagate(self, X, output_layers, last_layer)


def _loss_first(self: Any, n_inputs: Any, loss: Any, layers: Any, output_layers: Any = ()) -> None:
    _MLP.__init__(self, n_inputs, layers, loss, output_layers)


def _keyword_for_output_layers(self: Any, n_inputs: Any, layers: Any, loss: Any, *, output_layers: Any = ()) -> None:
    _MLP.__init__(self, n_inputs, layers, loss, output_layers)


#: Arguments in the order of the contract.
CALLS = [
    of("X and T swapped in evaluate", "evaluate.by_position", {"evaluate": _swapped}),
    of("X and T swapped in gradient", "gradient.by_position", {"gradient": _swapped_gradient}),
    of("options by name alone", "propagate.by_position", {"propagate": _keywords_alone}),
    of("the last layer before the output layers", "propagate.by_position", {"propagate": _last_layer_first}),
    of("the loss before the layers", "propagate.by_position", {"__init__": _loss_first}),
    of("output layers by name alone", "propagate.by_position", {"__init__": _keyword_for_output_layers}),
]


def _parametric(net: Any) -> list[bool]:
    return [bool(layer.has_params()) for layer in net.layers]


def _has_neighbours(net: Any, *_: Any, **__: Any) -> bool:
    """Two linear layers in a row."""
    row = _parametric(net)
    return any(one and other for one, other in pairwise(row))


def _first_output_layer_alone(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    for layer in [*self.layers, *list(self.output_layers)[:1]] if output_layers else self.layers:
        X = layer.forward(X)
        if layer.name == last_layer:
            break
    return X


def _stops_at_relu_alone(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Knows of ``last_layer`` where it is the name of a layer without parameters."""
    for layer in [*self.layers, *self.output_layers] if output_layers else self.layers:
        X = layer.forward(X)
        if layer.name == last_layer and not layer.has_params():
            break
    return X


def _only_linear_names(self: Any, X: Any, T: Any) -> Any:
    """Takes the layers whose names begin with Linear for those with parameters."""
    A, found = [X], {}
    for layer in self.layers:
        A.append(layer.forward(A[-1]))
    delta = self.loss.delta(A[-1], T)
    for number in reversed(range(len(self.layers))):
        layer = self.layers[number]
        if layer.name.startswith("Linear"):
            found[layer.name] = layer.grad(A[number], delta)
        delta = layer.delta(A[number + 1], delta)
    return found


#: Layers in another order, or other names.
NETS = [
    *(
        of(f"{what} in {method}", f"{method}.{checks}", wrong_where(method, kind))
        for method in METHODS
        for what, checks, kind in (
            ("two linear layers in a row", "other_nets", _has_neighbours),
            ("more than twelve linear layers", "other_nets", lambda net, *_, **__: sum(_parametric(net)) > 12),
            ("ReLU last", "other_nets", lambda net, *_, **__: not _parametric(net)[-1] and net.output_layers),
            ("ReLU first", "other_nets", lambda net, *_, **__: not _parametric(net)[0]),
            ("one sample in a deep net", "other_nets",
             lambda net, X, *_, **__: len(X) == 1 and sum(_parametric(net)) > 6),
        )
    ),
    of("the first output layer alone", "propagate.other_nets", {"propagate": _first_output_layer_alone}),
    of("the last layer where it is no linear one", "propagate.to_last_layer", {"propagate": _stops_at_relu_alone}),
    of("layers whose names begin with Linear", "gradient.other_nets", {"gradient": _only_linear_names}),
]  # fmt: skip

SABOTEURS = [*SEQUENCES, *ARRAYS, *CALLS, *NETS]
