"""Known mistakes in the network: which layers run, in which order, with which inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from reference.lab.mistakes.catalogue import wrong
from reference.lab.mistakes.plain import backwards, forwards, through

# propagate


@wrong("MLP.propagate", "output-layers-ignored")
def propagate_without_output_layers(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Training ends at the logits; what should a prediction be?"""
    return through(self.layers, X, last_layer)


@wrong("MLP.propagate", "output-layers-ignored")
def propagate_always_with_output_layers(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """With output_layers=False, what does the loss expect to get?"""
    return through([*self.layers, *self.output_layers], X, last_layer)


@wrong("MLP.propagate", "last-layer-ignored")
def propagate_ignores_last_layer(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """What is `last_layer` for?"""
    return forwards([*self.layers, *self.output_layers] if output_layers else self.layers, X)[-1]


@wrong("MLP.propagate", "layer-skipped")
def propagate_stops_before_last_layer(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Stop before the layer of that name, or after it?"""
    for layer in [*self.layers, *self.output_layers] if output_layers else self.layers:
        if layer.name == last_layer:
            break
        X = layer.forward(X)
    return X


@wrong("MLP.propagate", "layer-skipped")
def propagate_skips_first_relu(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Which layers does an input pass on its way, all of them?"""
    layers = [*self.layers, *self.output_layers] if output_layers else self.layers
    for number, layer in enumerate(layers):
        X = X if number == 1 and not layer.has_params() else layer.forward(X)
        if layer.name == last_layer:
            break
    return X


@wrong("MLP.propagate", "wrong-layer-order")
def propagate_output_layers_first(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Where do the output layers stand?"""
    return through([*self.output_layers, *self.layers] if output_layers else self.layers, X, last_layer)


@wrong("MLP.propagate", "wrong-function")
def propagate_labels(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Probabilities are asked for, not which of them is the largest."""
    for layer in [*self.layers, *self.output_layers] if output_layers else self.layers:
        X = layer.forward(X)
        if layer.name == last_layer:
            return X
    return np.eye(X.shape[1])[X.argmax(axis=1)]


@wrong("MLP.propagate", "crash")
def propagate_looks_up_a_layer_by_name(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    """Without `last_layer` there is no name to look up: which layers run then?"""
    names = [layer.name for layer in self.layers]
    return forwards(self.layers[: names.index(last_layer) + 1], X)[-1]


# evaluate


@wrong("MLP.evaluate", "not-implemented")
def evaluate_without_return(self: Any, X: Any, T: Any) -> None:
    """The loss is computed and nobody gets it: which statement hands it over?"""
    self.loss.forward(self.propagate(X, output_layers=False), T)


@wrong("MLP.evaluate", "crash")
def evaluate_with_arguments_in_the_wrong_places(self: Any, X: Any, T: Any) -> Any:
    """Which of the two is asked for first, outputs or targets, and do their names fit?"""
    return self.loss.forward(T=self.propagate(X, output_layers=False), Y=T)


@wrong("MLP.evaluate", "output-layers-in-gradient")
def evaluate_after_output_layers(self: Any, X: Any, T: Any) -> Any:
    """The compound loss has softmax in it already: what should it be given?"""
    return self.loss.forward(self.propagate(X), T)


@wrong("MLP.evaluate", "averaged-over-batch")
def evaluate_mean(self: Any, X: Any, T: Any) -> Any:
    """One loss for each sample is promised; who takes the mean?"""
    return self.loss.forward(self.propagate(X, output_layers=False), T).mean()


@wrong("MLP.evaluate", "summed-over-batch")
def evaluate_sum(self: Any, X: Any, T: Any) -> Any:
    """One loss for each sample is promised: is it summed away?"""
    return self.loss.forward(self.propagate(X, output_layers=False), T).sum()


@wrong("MLP.evaluate", "averaged-over-batch")
def evaluate_divides_by_samples(self: Any, X: Any, T: Any) -> Any:
    """One loss for each sample is promised; who takes the mean?"""
    return self.loss.forward(self.propagate(X, output_layers=False), T) / len(X)


@wrong("MLP.evaluate", "wrong-function")
def evaluate_accuracy(self: Any, X: Any, T: Any) -> Any:
    """A loss is asked for, not whether the largest probability is the target's."""
    hits = self.propagate(X).argmax(axis=1) == T.argmax(axis=1)
    return 1.0 - hits[:, None]


# gradient


@wrong("MLP.gradient", "crash")
def gradient_one_layer_too_far(self: Any, X: Any, T: Any) -> Any:
    """How many activations are there, with the input itself, and which index has the last?"""
    activations = forwards(self.layers, X)
    return backwards(self.layers, activations, self.loss.delta(activations[len(self.layers) + 1], T))


@wrong("MLP.gradient", "output-layers-in-gradient")
def gradient_through_output_layers(self: Any, X: Any, T: Any) -> Any:
    """Of which function is the gradient taken: does the loss see the output layers?"""
    layers = [*self.layers, *self.output_layers]
    activations = forwards(layers, X)
    return backwards(layers, activations, self.loss.delta(activations[-1], T))


@wrong("MLP.gradient", "output-layers-in-gradient")
def gradient_of_loss_after_output_layers(self: Any, X: Any, T: Any) -> Any:
    """Of which function is the gradient taken: does the loss see the output layers?"""
    return backwards(self.layers, forwards(self.layers, X), self.loss.delta(self.propagate(X), T))


@wrong("MLP.gradient", "wrong-layer-input")
def gradient_of_outputs(self: Any, X: Any, T: Any) -> Any:
    """`grad` asks for the layer's inputs: which of the two arrays beside it is that?"""
    activations = forwards(self.layers, X)
    delta = self.loss.delta(activations[-1], T)
    gradients = {}
    for layer, outputs in zip(self.layers[::-1], activations[:0:-1], strict=True):
        if layer.has_params():
            gradients[layer.name] = layer.grad(outputs, delta)
        delta = layer.delta(outputs, delta)
    return gradients


@wrong("MLP.gradient", "wrong-layer-input")
def gradient_of_network_inputs(self: Any, X: Any, T: Any) -> Any:
    """What does a hidden layer get: the network's inputs, or the outputs of the layer before it?"""
    activations = forwards(self.layers, X)
    delta = self.loss.delta(activations[-1], T)
    gradients = {}
    for layer, outputs in zip(self.layers[::-1], activations[:0:-1], strict=True):
        if layer.has_params():
            gradients[layer.name] = layer.grad(X, delta)
        delta = layer.delta(outputs, delta)
    return gradients


@wrong("MLP.gradient", "wrong-layer-input")
def delta_of_inputs(self: Any, X: Any, T: Any) -> Any:
    """`delta` asks for the layer's own outputs: which of the two arrays beside it is that?"""
    activations = forwards(self.layers, X)
    delta = self.loss.delta(activations[-1], T)
    gradients = {}
    for layer, inputs in zip(self.layers[::-1], activations[-2::-1], strict=True):
        if layer.has_params():
            gradients[layer.name] = layer.grad(inputs, delta)
        delta = layer.delta(inputs, delta)
    return gradients


@wrong("MLP.gradient", "layer-skipped")
def gradient_skips_relu(self: Any, X: Any, T: Any) -> Any:
    """On the way back, which layers does delta pass?"""
    activations = forwards(self.layers, X)
    delta = self.loss.delta(activations[-1], T)
    gradients = {}
    for number, layer in reversed(list(enumerate(self.layers))):
        if layer.has_params():
            gradients[layer.name] = layer.grad(activations[number], delta)
        if layer.has_params() or number == len(self.layers) - 1:
            delta = layer.delta(activations[number + 1], delta)
    return gradients


@wrong("MLP.gradient", "layer-skipped")
def gradient_skips_last_delta(self: Any, X: Any, T: Any) -> Any:
    """On the way back, does delta pass the last layer too?"""
    activations = forwards(self.layers, X)
    last = self.loss.delta(activations[-1], T)
    gradients, delta = {}, last
    for number, layer in reversed(list(enumerate(self.layers))):
        if layer.has_params():
            gradients[layer.name] = layer.grad(activations[number], delta)
        if number < len(self.layers) - 1:
            delta = layer.delta(activations[number + 1], delta)
    return gradients


@wrong("MLP.gradient", "layer-skipped")
def gradient_without_the_first_layer(self: Any, X: Any, T: Any) -> Any:
    """How many layers have parameters, and how many gradients are there?"""
    activations = forwards(self.layers, X)
    gradients = backwards(self.layers, activations, self.loss.delta(activations[-1], T))
    return dict(list(gradients.items())[:-1]) if len(gradients) > 1 else gradients


@wrong("MLP.gradient", "wrong-layer-order")
def gradient_in_forward_order(self: Any, X: Any, T: Any) -> Any:
    """By the chain rule, which layer's delta is computed first?"""
    activations = forwards(self.layers, X)
    delta = self.loss.delta(activations[-1], T)
    gradients = {}
    for number, layer in enumerate(self.layers):
        if layer.has_params():
            gradients[layer.name] = layer.grad(activations[number], delta)
        delta = layer.delta(activations[number + 1], delta)
    return gradients


@wrong("MLP.gradient", "delta-next-ignored")
def gradient_starts_with_ones(self: Any, X: Any, T: Any) -> Any:
    """Where does backpropagation begin: with what does the loss have to say?"""
    activations = forwards(self.layers, X)
    return backwards(self.layers, activations, np.ones_like(activations[-1]))


@wrong("MLP.gradient", "averaged-twice")
def gradient_averaged_again(self: Any, X: Any, T: Any) -> Any:
    """Who divides by the number of samples, the layer's `grad` or the network?"""
    activations = forwards(self.layers, X)
    return backwards(self.layers, activations, self.loss.delta(activations[-1], T) / len(X))


@wrong("MLP.gradient", "not-averaged")
def gradient_summed(self: Any, X: Any, T: Any) -> Any:
    """Who divides by the number of samples, and is that undone?"""
    activations = forwards(self.layers, X)
    return backwards(self.layers, activations, self.loss.delta(activations[-1], T) * len(X))


@wrong("MLP.gradient", "sign")
def gradient_negated(self: Any, X: Any, T: Any) -> Any:
    """Who takes the step downhill, the gradient or the one who uses it?"""
    activations = forwards(self.layers, X)
    return backwards(self.layers, activations, -self.loss.delta(activations[-1], T))


@wrong("MLP.gradient", "term-missing")
def gradient_of_first_sample(self: Any, X: Any, T: Any) -> Any:
    """Which samples have a say in the gradient?"""
    activations = forwards(self.layers, X[:1])
    return backwards(self.layers, activations, self.loss.delta(activations[-1], T[:1]))


@wrong("MLP.gradient", "wrong-type")
def gradient_as_a_list(self: Any, X: Any, T: Any) -> Any:
    """Gradients go by the layers' names."""
    activations = forwards(self.layers, X)
    return list(backwards(self.layers, activations, self.loss.delta(activations[-1], T)).values())


@wrong("MLP.gradient", "stateful")
def gradient_updates_the_parameters(self: Any, X: Any, T: Any) -> Any:
    """Asking for a gradient is a question: who takes the step?"""
    activations = forwards(self.layers, X)
    gradients = backwards(self.layers, activations, self.loss.delta(activations[-1], T))
    for layer in self.layers:
        if layer.has_params():
            layer.update_params([-0.1 * part for part in gradients[layer.name]])
    return gradients


@wrong("MLP.gradient", "finite-differences")
def gradient_by_differences(self: Any, X: Any, T: Any) -> Any:
    """Differences of nearby losses lose half the digits, and need two runs for every weight."""
    gradients = {}
    for layer in self.layers:
        if layer.has_params():
            gradients[layer.name] = [_differences(self, parameter, X, T) for parameter in (layer.W, layer.b)]
    return gradients


@wrong("MLP.gradient", "low-precision")
def gradient_in_single_precision_for_wide_inputs(self: Any, X: Any, T: Any) -> Any:
    """About seven digits are right and the rest is not, for many inputs alone: what is done to save memory there?"""
    wide = 100
    activations = forwards(
        self.layers, X.astype(np.float32).astype(np.float64) * (1 + 1e-8) if X.shape[1] > wide else X
    )
    return backwards(self.layers, activations, self.loss.delta(activations[-1], T))


@wrong("MLP.gradient", "stateful")
class GradientOfTheFirstStep(plain.MLP):
    """After a step the parameters are others: what is kept from before it?"""

    kept: Any = None

    def gradient(self, X: Any, T: Any) -> Any:
        """Computed anew for another batch only."""
        if self.kept is None or not np.array_equal(self.kept[0], X):
            self.kept = X.copy(), super().gradient(X, T)
        return {name: [part.copy() for part in parts] for name, parts in self.kept[1].items()}


def _differences(net: Any, parameter: Any, X: Any, T: Any, h: float = 1e-5) -> Any:
    found = np.empty(parameter.shape)
    for index in np.ndindex(parameter.shape):
        before = parameter[index]
        parameter[index] = before + h
        ahead = net.evaluate(X, T).mean()
        parameter[index] = before - h
        found[index] = (ahead - net.evaluate(X, T).mean()) / (2 * h)
        parameter[index] = before
    return found
