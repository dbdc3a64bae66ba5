"""Wrong codings of the network."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain

from .catalogue import coded


def _run(net: Any, X: Any) -> list[Any]:
    """The input and what each layer makes of it."""
    Z = [X]
    for layer in net.layers:
        Z.append(layer.forward(Z[-1]))
    return Z


def _back(net: Any, Z: Any, delta: Any, stop: int = 0) -> dict[Any, Any]:
    """Backpropagation, down to the layer numbered ``stop``."""
    found = {}
    for i in range(len(net.layers) - 1, stop - 1, -1):
        layer = net.layers[i]
        if layer.has_params():
            found[layer.name] = layer.grad(Z[i], delta)
        delta = layer.delta(Z[i + 1], delta)
    return found


@coded("MLP.propagate", "stateful")
def propagate_appends(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """The output layers are appended to the network's own list at each call."""
    layers = self.layers
    if output_layers:
        layers += list(self.output_layers)
    for layer in layers:
        X = layer.forward(X)
        if layer.name == last_layer:
            return X
    return X


@coded("MLP.propagate", "mutates-input")
def propagate_into_input(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """What a layer answers is written over the input where the shape is the same."""
    out = X
    for layer in [*self.layers, *self.output_layers] if output_layers else self.layers:
        answer = layer.forward(out)
        if answer.shape == X.shape:
            X[:] = answer
        out = answer
        if layer.name == last_layer:
            break
    return out


# The nearest words; there is none for a last layer that is not the last.
@coded("MLP.propagate", "layer-skipped", "wrong-layer-input")
def propagate_stops_before(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """The layer that is named is left out: it stops before instead of after."""
    for layer in [*self.layers, *self.output_layers] if output_layers else self.layers:
        if layer.name == last_layer:
            break
        X = layer.forward(X)
    return X


@coded("MLP.propagate", "layer-skipped", "wrong-layer-input", "wrong-shape")
def propagate_stops_at_activations(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """A last layer that is linear is not noticed."""
    for layer in [*self.layers, *self.output_layers] if output_layers else self.layers:
        X = layer.forward(X)
        if not layer.has_params() and layer.name == last_layer:
            break
    return X


@coded("MLP.propagate", "crash")
def propagate_looks_up_number(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """The last layer's number is read from the end of its name."""
    layers = [*self.layers, *self.output_layers] if output_layers else list(self.layers)
    if last_layer is not None:
        kind, number = last_layer.split("_")
        if number != "OUT":
            layers = layers[: 2 * int(number) - (kind == "Linear")]
    for layer in layers:
        X = layer.forward(X)
    return X


@coded("MLP.propagate", "output-layers-ignored")
def propagate_without_output(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """The output layers are never run."""
    for layer in self.layers:
        X = layer.forward(X)
        if last_layer and layer.name == last_layer:
            break
    return X


@coded("MLP.propagate", "output-layers-ignored", "layer-skipped")
def propagate_first_output_layer(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Of several output layers only the first is run."""
    for layer in [*self.layers, *(list(self.output_layers)[:1] if output_layers else [])]:
        X = layer.forward(X)
        if layer.name == last_layer:
            break
    return X


# The nearest word; there is none for a layer that is run twice.
@coded("MLP.propagate", "wrong-layer-order", "output-layers-ignored", "wrong-layer-input")
def propagate_output_twice(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """The output layers are run twice."""
    for layer in self.layers:
        X = layer.forward(X)
        if layer.name == last_layer:
            return X
    if output_layers:
        for layer in [*self.output_layers] * 2:
            X = layer.forward(X)
    return X


@coded("MLP.propagate", "low-precision", "wrong-dtype")
def propagate_casts_between(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Every layer's answer is cast to the input's type, single precision in this lab."""
    kind = X.dtype
    for layer in [*self.layers, *self.output_layers] if output_layers else self.layers:
        X = layer.forward(X).astype(kind)
        if layer.name == last_layer:
            break
    return X


@coded("MLP.propagate", "layer-skipped", "batch-size-dependent")
def propagate_twelve_layers(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Of the hidden layers the first twelve are run."""
    for layer in [*self.layers[:12], *(self.output_layers if output_layers else [])]:
        X = layer.forward(X)
        if layer.name == last_layer:
            break
    return X


@coded("MLP.evaluate", "mutates-input")
def evaluate_consumes_targets(self: Any, X: Any, T: Any) -> Any:
    """The targets are set to zero once the loss is known."""
    loss = self.loss.forward(self.propagate(X, output_layers=False), T)
    T *= 0
    return loss


@coded("MLP.evaluate", "batch-size-dependent", "wrong-shape")
def evaluate_a_hundred(self: Any, X: Any, T: Any) -> Any:
    """Only the first hundred samples are looked at."""
    return self.loss.forward(self.propagate(X[:100], output_layers=False), T[:100])


@coded("MLP.evaluate", "output-layers-in-gradient", "target-subtracted-twice", "scaled")
def evaluate_with_output_layers(self: Any, X: Any, T: Any) -> Any:
    """The loss is taken behind the output layers, although it is one of logits."""
    return self.loss.forward(self.propagate(X), T)


@coded("MLP.evaluate", "averaged-over-batch", "wrong-shape")
def evaluate_mean(self: Any, X: Any, T: Any) -> Any:
    """One mean over the samples."""
    return np.mean(self.loss.forward(self.propagate(X, False), T))


@coded("MLP.evaluate", "stateful", "scaled")
class EvaluateRunningMean(plain.MLP):
    """From the second call on half of the loss before is mixed in, where the shape allows."""

    last: Any = None

    def evaluate(self, X: Any, T: Any) -> Any:
        """Smoothed."""
        loss = super().evaluate(X, T)
        if self.last is not None and self.last.shape == loss.shape:
            loss = 0.5 * loss + 0.5 * self.last
        self.last = loss
        return loss.copy()


@coded("MLP.evaluate", "crash")
def evaluate_wrong_attribute(self: Any, X: Any, T: Any) -> Any:
    """The loss is looked up under another name than the constructor gave it."""
    return self.loss_layer.forward(self.propagate(X, output_layers=False), T)


@coded("MLP.gradient", "wrong-layer-input", "crash", "wrong-shape")
def gradient_of_own_outputs(self: Any, X: Any, T: Any) -> Any:
    """Each layer's gradient is taken at its own output."""
    outputs = _run(self, X)[1:]
    delta, found = self.loss.delta(outputs[-1], T), {}
    for i in reversed(range(len(self.layers))):
        if self.layers[i].has_params():
            found[self.layers[i].name] = self.layers[i].grad(outputs[i], delta)
        delta = self.layers[i].delta(outputs[i], delta)
    return found


@coded("MLP.gradient", "wrong-layer-order", "crash", "wrong-shape")
def gradient_delta_first(self: Any, X: Any, T: Any) -> Any:
    """delta is moved on to the layer's input before the layer's gradient is taken."""
    Z = _run(self, X)
    delta, found = self.loss.delta(Z[-1], T), {}
    for i in reversed(range(len(self.layers))):
        delta = self.layers[i].delta(Z[i + 1], delta)
        if self.layers[i].has_params():
            found[self.layers[i].name] = self.layers[i].grad(Z[i], delta)
    return found


@coded("MLP.gradient", "wrong-layer-order", "crash")
def gradient_forward_order(self: Any, X: Any, T: Any) -> Any:
    """The backward pass runs from the first layer to the last."""
    Z = _run(self, X)
    delta, found = self.loss.delta(Z[-1], T), {}
    for layer, x, y in zip(self.layers, Z, Z[1:], strict=False):
        if layer.has_params():
            found[layer.name] = layer.grad(x, delta)
        delta = layer.delta(y, delta)
    return found


@coded("MLP.gradient", "layer-skipped")
def gradient_stops_early(self: Any, X: Any, T: Any) -> Any:
    """range(..., 0, -1) ends before the first layer, whose gradient is missing."""
    Z = _run(self, X)
    return _back(self, Z, self.loss.delta(Z[-1], T), stop=1)


@coded("MLP.gradient", "layer-skipped")
def gradient_without_last(self: Any, X: Any, T: Any) -> Any:
    """The last layer has no gradient, for the loop begins behind it."""
    Z = _run(self, X)
    delta = self.layers[-1].delta(Z[-1], self.loss.delta(Z[-1], T))
    found = {}
    for layer, x, y in zip(self.layers[-2::-1], Z[-3::-1], Z[-2::-1], strict=False):
        if layer.has_params():
            found[layer.name] = layer.grad(x, delta)
        delta = layer.delta(y, delta)
    return found


@coded("MLP.gradient", "missing", "wrong-type", "layer-skipped")
def gradient_by_number(self: Any, X: Any, T: Any) -> Any:
    """The answers are under the layers' numbers instead of their names."""
    by_name = plain.MLP.gradient(self, X, T)
    return {i: by_name[layer.name] for i, layer in enumerate(self.layers) if layer.has_params()}


@coded("MLP.gradient", "averaged-twice")
def gradient_averages_again(self: Any, X: Any, T: Any) -> Any:
    """What the layers have averaged is divided by the number of samples once more."""
    return {name: [g / len(X) for g in found] for name, found in plain.MLP.gradient(self, X, T).items()}


@coded("MLP.gradient", "output-layers-in-gradient")
def gradient_through_output_layers(self: Any, X: Any, T: Any) -> Any:
    """The loss of logits is taken behind the softmax, and sent back through it."""
    Z = _run(self, X)
    tail = [Z[-1]]
    for layer in self.output_layers:
        tail.append(layer.forward(tail[-1]))
    delta = self.loss.delta(tail[-1], T)
    for layer, y in zip(self.output_layers[::-1], tail[:0:-1], strict=True):
        delta = layer.delta(y, delta)
    return _back(self, Z, delta)


@coded("MLP.gradient", "layer-skipped", "mask-missing")
def gradient_only_by_linear_names(self: Any, X: Any, T: Any) -> Any:
    """Only layers whose names begin with Linear give a gradient."""
    found = plain.MLP.gradient(self, X, T)
    return {name: g for name, g in found.items() if str(name).startswith("Linear")}


# The nearest words; a mask that comes from the layer's input is not in the vocabulary.
@coded("MLP.gradient", "wrong-layer-input", "crash", "wrong-shape", "mask-missing", "mask-wrong-threshold")
def gradient_delta_at_inputs(self: Any, X: Any, T: Any) -> Any:
    """delta gets the layer's input where its output is due."""
    Z = _run(self, X)
    delta, found = self.loss.delta(Z[-1], T), {}
    for i in reversed(range(len(self.layers))):
        layer = self.layers[i]
        if layer.has_params():
            found[layer.name] = layer.grad(Z[i], delta)
            delta = layer.delta(Z[i + 1], delta)
        else:
            delta = layer.delta(Z[max(i - 1, 0)], delta)
    return found


@coded("MLP.gradient", "stateful", "sign")
class SignFlips(plain.MLP):
    """From the third call on the gradient has the other sign."""

    def __init__(self, n_inputs: Any, layers: Any, loss: Any, output_layers: Any = ()) -> None:
        super().__init__(n_inputs, layers, loss, output_layers)
        self.epoch = 0

    def gradient(self, X: Any, T: Any) -> Any:
        """Counts its calls."""
        self.epoch += 1
        found = super().gradient(X, T)
        return found if self.epoch < 3 else {name: [-g for g in each] for name, each in found.items()}


@coded("MLP.gradient", "stateful")
class ActivationsKeptById(plain.MLP):
    """The activations are kept under id(X), although the weights, or the array, have changed since."""

    def activations(self, X: Any) -> Any:
        """From the cache."""
        if "cache" not in self.__dict__:
            self.cache: dict[int, Any] = {}
        if id(X) not in self.cache:
            self.cache[id(X)] = super().activations(X)
        return self.cache[id(X)]


@coded("MLP.gradient", "stateful", "scaled")
class GradientsAccumulate(plain.MLP):
    """Gradients are added to those of the calls before, as if somebody would set them to zero."""

    total: Any = None

    def gradient(self, X: Any, T: Any) -> Any:
        """Added up."""
        found = super().gradient(X, T)
        before = self.total or {name: [0, 0] for name in found}
        self.total = {name: [old + new for old, new in zip(before[name], found[name], strict=True)] for name in found}
        return {name: [np.array(g) for g in each] for name, each in self.total.items()}


@coded("MLP.gradient", "layer-skipped", "mask-missing")
def gradient_skips_relu_delta(self: Any, X: Any, T: Any) -> Any:
    """Only layers with parameters are gone back through."""
    Z = _run(self, X)
    delta, found = self.loss.delta(Z[-1], T), {}
    for i in reversed(range(len(self.layers))):
        if self.layers[i].has_params():
            found[self.layers[i].name] = self.layers[i].grad(Z[i], delta)
            delta = self.layers[i].delta(Z[i + 1], delta)
    return found


@coded("MLP.gradient", "batch-size-dependent", "wrong-shape", "crash")
def gradient_squeezes_input(self: Any, X: Any, T: Any) -> Any:
    """Axes of length one vanish, so that a batch of one sample fails."""
    return plain.MLP.gradient(self, np.squeeze(X), T)


@coded("MLP.gradient", "clipped")
def gradient_clipped_at_one(self: Any, X: Any, T: Any) -> Any:
    """Every gradient is clipped to [-1, 1]."""
    return {n: [np.clip(g, -1, 1) for g in each] for n, each in plain.MLP.gradient(self, X, T).items()}


# The nearest words: layers are found by their width, and equal widths are confused.
@coded("MLP.gradient", "wrong-layer-input")
def gradient_inputs_by_width(self: Any, X: Any, T: Any) -> Any:
    """A layer's input is looked up by its width, so that layers of equal width get one another's."""
    Z = _run(self, X)
    by_width = {z.shape[1]: z for z in Z}
    delta, found = self.loss.delta(Z[-1], T), {}
    for i in reversed(range(len(self.layers))):
        if self.layers[i].has_params():
            found[self.layers[i].name] = self.layers[i].grad(by_width[Z[i].shape[1]], delta)
        delta = self.layers[i].delta(Z[i + 1], delta)
    return found


# The nearest words; a step taken inside gradient changes what every later call answers.
@coded("MLP.gradient", "stateful", "mutates-input")
def gradient_takes_a_step(self: Any, X: Any, T: Any) -> Any:
    """The step is taken inside, so that the trainer takes it a second time."""
    found = plain.MLP.gradient(self, X, T)
    for layer in self.layers:
        if layer.has_params():
            layer.update_params([-0.1 * g for g in found[layer.name]])
    return found
