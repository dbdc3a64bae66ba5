"""The lab's settings, its networks, and runs that go on where they ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bp
from reports.training import checkpoint
from reports.training.experiments import EXPERIMENTS, build_net, load_data, run

pytestmark = pytest.mark.outside

#: The table of the lab sheet: widths, batch size, alpha, epochs, and whether the loss is the compound one.
LAB = {
    "xor": ((2, 4, 2), 4, 0.1, 100, False),
    "spirals": ((2, 10, 3), 300, 1.0, 1000, False),
    "mnist": ((784, 64, 64, 64, 64, 64, 10), 3000, 0.1, 100, True),
    "mnist-unstable": ((784, 64, 64, 64, 64, 64, 10), 3000, 0.1, 10, False),
}


@pytest.mark.parametrize("name", LAB)
def test_settings_are_the_labs(name: str) -> None:
    """Defaults are what the lab sheet says, seed and precision included."""
    e = EXPERIMENTS[name]
    assert (e.widths, e.batch_size, e.alpha, e.n_epochs, e.stable) == LAB[name]
    assert (e.seed, e.dtype, e.input_scale) == (1234, "float64", 1.0)


def test_unstable_net_is_layered_as_in_assignment_1() -> None:
    """The naive softmax is the last layer, the cross-entropy takes its probabilities, and the names are the lab's."""
    net = build_net(EXPERIMENTS["spirals"])
    assert [layer.name for layer in net.layers] == ["Linear_1", "ReLU_1", "Linear_OUT", "Softmax_OUT"]
    assert type(net.layers[-1]) is bp.NaiveSoftmaxLayer
    assert type(net.loss) is bp.LossCrossEntropy
    assert net.loss.name == "CE"
    assert net.output_layers == []


def test_stable_net_is_layered_as_in_assignment_3() -> None:
    """The loss takes logits, and the softmax is an output layer for predictions alone."""
    net = build_net(EXPERIMENTS["mnist"])
    assert [layer.name for layer in net.layers][-3:] == ["Linear_5", "ReLU_5", "Linear_OUT"]
    assert type(net.loss) is bp.LossCrossEntropyForSoftmaxLogits
    assert [type(layer) for layer in net.output_layers] == [bp.SoftmaxLayer]
    probabilities = net.propagate(np.zeros((2, 784)))
    assert np.allclose(probabilities.sum(axis=1), 1, rtol=0, atol=10 * np.finfo(float).eps)


def test_weights_are_drawn_in_order_from_the_seed() -> None:
    """The first draw from RandomState(seed) is Linear_1's, the next Linear_OUT's."""
    net = build_net(replace(EXPERIMENTS["xor"], seed=7))
    rng = np.random.RandomState(7)
    for layer, shape in (("Linear_1", (2, 4)), ("Linear_OUT", (4, 2))):
        W, b = net.parameters()[layer]
        assert np.array_equal(W, rng.normal(0, np.sqrt(2 / shape[0]), shape))
        assert np.array_equal(b, np.ones(shape[1]))


def test_dtype_and_scale_reach_net_and_data() -> None:
    """float32 is the network's precision, and the scale multiplies training and test inputs."""
    e = replace(EXPERIMENTS["spirals"], dtype="float32", input_scale=4.0)
    W, b = build_net(e).parameters()["Linear_1"]
    assert W.dtype == b.dtype == np.float32
    plain, scaled = load_data(EXPERIMENTS["spirals"]), load_data(e)
    for before, after in ((plain[0], scaled[0]), (plain[2], scaled[2])):
        assert before is not None
        assert np.array_equal(4 * before, after)
    assert np.array_equal(plain[1], scaled[1])


def test_checkpoint_continues_bit_by_bit(tmp_path: Path) -> None:
    """A run that is saved after 7 epochs and continued has the curves and weights of an uninterrupted one."""
    e = replace(EXPERIMENTS["spirals"], n_epochs=20, batch_size=64)
    data = load_data(e)
    whole_net = build_net(e)
    whole = run(e, data, whole_net)

    first_net = build_net(e)
    first = run(e, data, first_net, on_epoch=lambda history: history.epochs == 7)
    checkpoint.save(tmp_path / "c.npz", e, first_net, first, "data")
    second_net = build_net(replace(e, seed=99))  # its weights must come from the file
    saved = checkpoint.load(tmp_path / "c.npz")
    assert not saved.finished
    second = run(e, data, second_net, saved.restore(second_net))

    assert second == whole
    for name, pair in whole_net.parameters().items():
        for expected, found in zip(pair, second_net.parameters()[name], strict=True):
            assert np.array_equal(expected, found)


def test_checkpoint_keeps_why_a_run_stopped(tmp_path: Path) -> None:
    """NaN, infinity and the reason of a stop survive the file, and such a run counts as finished."""
    e = EXPERIMENTS["xor"]
    history = bp.History([np.inf], [], [0.5], [], {"Linear_1": [1.0]}, "stopped", {"epoch": 1, "batch": 2, "what": "x"})
    checkpoint.save(tmp_path / "c.npz", e, build_net(e), history, "data")
    saved = checkpoint.load(tmp_path / "c.npz")
    assert saved.history == history
    assert saved.finished


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"text", b"\x93NUMPY"])
def test_foreign_file_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    """A file that we did not write gives an error that names it."""
    path = tmp_path / "c.npz"
    path.write_bytes(content)
    with pytest.raises(checkpoint.CheckpointError, match=r"c\.npz does not hold an earlier run"):
        checkpoint.load(path)


def test_foreign_npz_is_no_checkpoint(tmp_path: Path) -> None:
    """An array file of another program gives an error too."""
    np.savez(tmp_path / "c.npz", a=np.ones(2))
    with pytest.raises(checkpoint.CheckpointError, match="does not hold an earlier run"):
        checkpoint.load(tmp_path / "c.npz")


def test_missing_checkpoint_is_named(tmp_path: Path) -> None:
    """If there is nothing to resume, the error names the file."""
    with pytest.raises(checkpoint.CheckpointError, match="found no such file"):
        checkpoint.load(tmp_path / "c.npz")


def test_other_settings_are_refused(tmp_path: Path) -> None:
    """Only the number of epochs may differ from the saved run, and it must not be lower than what is done."""
    e = replace(EXPERIMENTS["xor"], n_epochs=3)
    history = run(e, load_data(e), net := build_net(e))
    checkpoint.save(tmp_path / "c.npz", e, net, history, "data")
    saved = checkpoint.load(tmp_path / "c.npz")
    checkpoint.check_same_run(saved, replace(e, n_epochs=9), net, tmp_path)
    with pytest.raises(checkpoint.CheckpointError, match=r"alpha = 0\.1 there, 0\.2 here"):
        checkpoint.check_same_run(saved, replace(e, alpha=0.2), net, tmp_path)
    with pytest.raises(checkpoint.CheckpointError, match="past epoch 2 already"):
        checkpoint.check_same_run(saved, replace(e, n_epochs=2), net, tmp_path)
