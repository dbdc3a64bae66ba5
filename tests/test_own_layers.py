"""The examiner's own layers stand beside a submission's network; arguments can be passed by position."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call, New, Seed, own
from reference.findings import passed
from reference.lab import own_layers
from reference.lab.check import check
from reference.lab.mistakes import plain

pytestmark = [pytest.mark.catalogue]


class Swapped(plain.ReLULayer):
    """Takes its arguments in the wrong order."""

    def delta(self, delta_next, Y):
        return super().delta(Y, delta_next)


def test_definition_holds_right_layers_but_no_network():
    """The definition that is sent has the layers and losses of the lab, and they keep the contract; no network."""
    names: dict[str, object] = {}
    exec(own_layers.OWN_LAYERS.source, names)  # noqa: S102 - the text is ours
    layers = {name: each for name, each in names.items() if isinstance(each, type) and name in plain.CLASSES}
    assert set(layers) == set(plain.CLASSES) - {"MLP"}
    assert "gradient" not in own_layers.OWN_LAYERS.source
    for key in ("linear", "relu", "softmax", "cross_entropy", "logits"):
        assert passed(check(layers, only=f"{key}.*", effort="quick"))


def test_scripts_import_them_from_a_public_module():
    """The module that scripts name holds these layers, and is the examiner's public one for them."""
    public = importlib.import_module(own_layers.MODULE)
    assert own_layers.MODULE == "reference.layers"
    assert {name: getattr(public, name) for name in public.__all__} == {
        name: each for name, each in plain.CLASSES.items() if name != "MLP"
    }


def test_own_classes_do_not_hide_the_submissions():
    """After the definition a name alone still means the submission's class."""
    executor = InProcess({"ReLULayer": Swapped}, {})
    given = {"Y": np.array([[0.0, 2.0]]), "delta_next": np.array([[2.0, 5.0]])}
    steps = [
        own_layers.OWN_LAYERS,
        New("theirs", "ReLULayer", {"name": "theirs"}),
        New("ours", own("ReLULayer"), {"name": "ours"}),
        *(Call(name, "delta", given, by_position=True) for name in ("theirs", "ours")),
    ]
    *_, theirs, ours = executor.run(steps)
    assert ours.value.tolist() == [[0.0, 5.0]]
    assert theirs.value.tolist() != ours.value.tolist()


class AsksForTheClass(plain.MLP):
    """Finds the layers with parameters by their class, which in the lab is the same."""

    def gradient(self, X, T):
        activations = self.activations(X)
        delta = self.loss.delta(activations[-1], T)
        gradients = {}
        for layer, inputs, outputs in zip(self.layers[::-1], activations[-2::-1], activations[:0:-1], strict=True):
            if isinstance(layer, plain.LinearLayer) and not isinstance(layer, plain.ReLULayer):
                gradients[layer.name] = layer.grad(inputs, delta)
            delta = layer.delta(outputs, delta)
        return gradients


def test_network_may_ask_for_the_class_of_a_layer():
    """The examiner's own layers pass for the submission's where a network asks ``isinstance``."""
    assert passed(check({**plain.CLASSES, "MLP": AsksForTheClass}, only="mlp.gradient.*", effort="quick"))


def test_constructor_takes_its_arguments_by_position():
    """`New` passes the arguments in their order where it is told to."""
    executor = InProcess({"LinearLayer": plain.LinearLayer}, {})
    arguments = {"anything": 2, "goes": 3, "as a": Seed(0), "name": "l"}
    assert executor.run([New("l", "LinearLayer", arguments, by_position=True)])[0].error is None
    assert executor.run([New("l", "LinearLayer", arguments)])[0].cause == "arguments"
