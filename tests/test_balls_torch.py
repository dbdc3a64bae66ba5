"""Functions of torch in ball arithmetic: what they mean, or a refusal that names the operation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

flint = pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")
torch = pytest.importorskip("torch", reason="PyTorch is not installed (the project's extra 'torch')")

from reference.numerics import ball_tolerances  # noqa: E402
from reference.numerics.balls import Refused, enclose, on_balls, torch_functions, torch_more, torch_tensors  # noqa: E402
from reference.numerics.balls.array import balls, plain  # noqa: E402
from reference.numerics.balls.scalar import Ball  # noqa: E402
from reference.numerics.balls.tape import accumulate, recording  # noqa: E402
from tests import balls_corpus_torch, torch_operations  # noqa: E402
from tests.balls_judge import judged, refuses, says_what_is_refused  # noqa: E402

X = np.array([[0.5, -1.25, 2.0], [3.0, 0.25, -0.75]])


def in_doubles(function: Any) -> Any:
    return lambda *args: function(*map(torch.from_numpy, args)).detach().numpy()


def corpus() -> dict[str, str]:
    return {
        name: judged(function, args, "torch", in_doubles(function))
        for name, function, args in balls_corpus_torch.FUNCTIONS
    }


def test_nothing_is_wrong_and_nearly_everything_runs() -> None:
    """Value and gradient of each function are right, or it is refused; at most one in twenty is."""
    verdicts = corpus()
    assert [verdict for verdict in verdicts.values() if verdict.startswith("WRONG")] == []
    assert sum(verdict == "right" for verdict in verdicts.values()) >= 0.95 * len(verdicts)


@pytest.mark.parametrize("first", range(0, len(torch_operations.FORMS), 10))
def test_each_operation_is_right_with_each_option(first: int) -> None:
    """Value and gradient of single operations, ten in a test, are right, and none of them is refused."""
    forms = torch_operations.FORMS[first : first + 10]
    verdicts = [judged(function, args, "torch", in_doubles(function)) for function, args in forms]
    assert [(n, verdict) for n, verdict in enumerate(verdicts, first) if verdict != "right"] == []


def test_what_has_no_form_is_refused() -> None:
    """An option that balls do not know is refused by its name, and not left out."""
    passed = []
    for number, (function, args) in enumerate(torch_operations.REFUSED):
        with says_what_is_refused():
            passed.append((number, enclose(on_balls(function, "torch"), args, range(len(args)), None)))
    assert passed == []


def test_a_refusal_within_an_operator_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch makes "unsupported operand" of a `TypeError` there."""
    monkeypatch.setattr(ball_tolerances, "MOST_PRODUCTS", 5)
    with pytest.raises(Refused, match="more than 5 products"):
        enclose(on_balls(lambda x: x @ x.T, "torch"), [X], [0], None)


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (lambda x: torch.fft.fft(x).real, "_fft"),
        (lambda x: x * x.max().item(), "Tensor.item"),
        (lambda x: torch.from_numpy(x.numpy()), "Tensor.numpy"),
        (lambda x: x.to(torch.float32), "float32"),
        (lambda x: torch.ones(2, 3, dtype=torch.float64), "the result"),
    ],
)
def test_refusals_name_the_operation(function: Any, operation: str) -> None:
    """What has no form on balls is refused loudly, in a sentence that names it."""
    if operation == "the result":
        assert (
            enclose(on_balls(function, "torch"), [X], [0], np.ones(X.shape)).gradients[0].value.tolist()
            == (0 * X).tolist()
        )
        return
    with pytest.raises(Refused, match=operation.replace(".", r"\.")):
        enclose(on_balls(function, "torch"), [X], [0], None)


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.25}])
def test_attention_is_its_formula(options: dict[str, Any]) -> None:
    """torch's attention encloses what its formula says, without the rounding of the scale that torch multiplies by."""
    q, k, v = (np.random.RandomState(seed).randn(4, 3) for seed in range(3))
    hidden = np.triu(np.full((4, 4), -np.inf), 1) if options.get("is_causal") else np.zeros((4, 4))

    def formula(q: Any, k: Any, v: Any) -> Any:
        scores = np.exp(q @ k.T * (options.get("scale") or 1 / np.sqrt(q[0, 0] * 0 + 3)) + hidden)
        return scores / scores.sum(axis=1, keepdims=True) @ v

    attention = torch.nn.functional.scaled_dot_product_attention
    asked = [q, k, v], [0, 1, 2], np.ones((4, 3))
    due = enclose(on_balls(formula, "numpy"), *asked)
    came = enclose(on_balls(lambda *args: attention(*args, **options), "torch"), *asked)
    for one, two in zip((due.value, *due.gradients), (came.value, *came.gradients), strict=True):
        assert (np.abs(one.value - two.value) <= one.error + two.error).all()


def test_torchs_threshold_of_softplus_is_granted() -> None:
    """Above 20 torch gives x for log(1 + e^x): the enclosure holds both, and the slope of either."""
    x = np.array([19.0, 25.0])
    found = enclose(on_balls(torch.nn.functional.softplus, "torch"), [x], [0], np.ones(2))
    exact = x + np.log1p(np.exp(-x))
    assert (np.abs(found.value.value - exact) <= found.value.error + np.spacing(exact)).all()
    assert abs(found.value.value[1] - 25) <= found.value.error[1]
    assert abs(found.gradients[0].value[1] - 1) <= found.gradients[0].error[1]
    assert found.value.error[0] < 1e-14


def test_detach_cuts_as_in_torch() -> None:
    """What is detached has no derivative."""
    found = enclose(on_balls(lambda x: x * x.detach(), "torch"), [X], [0], np.ones(X.shape))
    assert found.gradients[0].value.tolist() == X.tolist()


@pytest.mark.measure
def test_what_runs() -> None:
    """Prints the corpus by verdict."""
    verdicts = [verdict.split(":")[0] for verdict in corpus().values()]
    print({each: verdicts.count(each) for each in sorted(set(verdicts))})  # noqa: T201 - a measurement


def test_an_evaluation_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ball arithmetic ends after a number of operations, since each takes long."""
    monkeypatch.setattr(torch_tensors, "MOST_OPERATIONS", 7)
    enclose(on_balls(lambda x: x + x, "torch"), [X], [0], None)
    with refuses("more than 7 operations take too long"):
        enclose(on_balls(lambda x: (x + x).exp().exp(), "torch"), [X], [0], None)


def test_softplus_far_out_is_either() -> None:
    """The function or its argument, as torch has it above its threshold, with the slopes of both."""
    with recording():
        x = Ball(flint.arb(25), True)
        (result,) = plain(torch_functions.softplus(balls([x])))
        result.adjoint = flint.arb(1)
        accumulate()
        e = flint.arb(-25).exp()
        for found, one, other in ((result.value, (1 + e).log() + 25, 25), (x.adjoint, 1 / (1 + e), 1)):
            assert found.contains(flint.arb(other))
            assert found.overlaps(one)
            assert found.rad() < 1e-10


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({}, 1),
        ({"right": True}, 2),
        ({"side": "right"}, 2),
        ({"side": "left"}, 1),
        ({"side": "left", "right": True}, 1),
    ],
)
def test_equal_numbers_are_found_on_either_side(options: Any, place: int) -> None:
    """Before the first of them, or after the last."""
    assert torch_more._searched(balls([0.5, 1.0, 2.0]), balls([1.0]), **options).tolist() == [place]
