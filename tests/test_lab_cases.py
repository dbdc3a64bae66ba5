"""A case and its method: what is given and due, what a large or similar case has in common with another, its script."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import New, Put, Seed
from reference.lab.cases import Case, Sizes
from reference.lab.context import Context
from reference.lab.contract import MESSAGES, Message, forward_of, one_hot, probabilities
from reference.lab.formatting import module_of, nested, repro, sizes_of
from reference.lab.mistakes import plain
from reference.lab.replies import in_shape
from reference.numerics.oracles import ball
from reference.numerics.rounding import DOUBLE, SINGLE
from tests.comparing import needs_flint
from tests.test_check_facts import printed

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
OF = {message.subject: message for message in MESSAGES}
LINEAR, DELTA, GRAD = (OF[f"LinearLayer.{method}"] for method in ("forward", "delta", "grad"))
RELU, LOSS = OF["ReLULayer.delta"], OF["LossCrossEntropy.forward"]
SIZES = Sizes(4, 3, 5)
each_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.subject)


def drawn(message: Message, seed: int = 0, sizes: Sizes = SIZES) -> Case:
    rng = np.random.RandomState(seed)
    return message.draw(sizes, lambda shape: rng.randn(*shape))


def answer(message: Message, case: Case) -> tuple[Array, ...]:
    return Context(InProcess(plain.CLASSES, {}), "none", "x").actual(message, case)


@needs_flint
@each_message
@pytest.mark.parametrize("single", [False, True])
def test_the_textbook_is_within_what_is_granted(message: Message, single: bool) -> None:
    """In both precisions; the truth has the shapes that are due, and its bounds are no larger than rounding is."""
    case = drawn(message)
    if single:
        arguments = {name: array.astype(np.float32) for name, array in case.arguments.items()}
        parameters = {name: array.astype(np.float32) for name, array in case.parameters.items()}
        case = Case(arguments, parameters, None if case.origin is None else case.origin.astype(np.float32))
    expected = message.answer(case, ball)
    shapes = message.shapes(case)
    assert [each.value.shape for each in expected.truth] == [*shapes]
    for part, truth, bound in zip(answer(message, case), expected.truth, expected.bounds, strict=True):
        assert (np.abs(part - truth.value) <= bound + truth.error).all()
        assert np.broadcast_to(bound, part.shape).max() < (1e-4 if single else 1e-12) * max(
            1, np.abs(truth.value).max()
        )
        assert (truth.error <= 1e-13 * np.maximum(np.abs(truth.value), 1e-3)).all()


@each_message
def test_arguments_have_their_sizes(message: Message) -> None:
    """N samples of D inputs and U units or classes; outputs belong to the inputs that are behind them."""
    case = drawn(message)
    assert tuple(case.arguments) == message.arguments
    width = {"X": 3 if message.parameters else 5, "Y": 5, "delta_next": 5, "T": 5}
    for name, array in case.arguments.items():
        assert array.shape == (4, width[name])
    assert {name: array.shape for name, array in case.parameters.items()} == (
        {"W": (3, 5), "b": (5,)} if message.parameters else {}
    )
    assert case.n_samples == 4
    assert (case.origin is not None) == ("Y" in message.arguments)
    if case.origin is not None:
        (outputs,) = answer(forward_of(message), Case({"X": case.origin}, case.parameters))
        assert case.arguments["Y"] == pytest.approx(outputs, rel=1e-12)
    assert [*message.shapes(case)] == [part.shape for part in answer(message, case)]
    assert forward_of(message).subject == f"{message.cls}.forward"


def test_a_key_tells_cases_apart() -> None:
    """By each of their numbers, parameters and inputs behind the outputs included."""
    case = drawn(DELTA)
    same = Case({**case.arguments}, {**case.parameters}, None if case.origin is None else case.origin.copy())
    assert same.key == case.key
    others = [
        replace(case, arguments={**case.arguments, "Y": 2 * case.arguments["Y"]}),
        replace(case, parameters={**case.parameters, "b": case.parameters["b"] + 1}), replace(case, origin=None),
        replace(case, origin=2 * case.arguments["Y"]),
    ]  # fmt: skip
    assert len({case.key, *(each.key for each in others)}) == 5


def test_rows_of_a_case() -> None:
    """Of each argument and of the inputs behind them; parameters stay."""
    case = drawn(DELTA)
    some = case.rows([2, 0])
    assert {name: array.tolist() for name, array in some.arguments.items()} == {
        name: [array[2].tolist(), array[0].tolist()] for name, array in case.arguments.items()
    }
    assert case.origin is not None
    assert some.origin is not None
    assert some.origin.tolist() == case.origin[[2, 0]].tolist()
    assert some.parameters is case.parameters
    assert drawn(LINEAR).rows([1]).origin is None


def test_a_row_among_others() -> None:
    """That row is of this case, all others of the other; neither is changed."""
    one, other = drawn(DELTA, 1), drawn(DELTA, 2)
    before = other.arguments["Y"].copy()
    mixed = one.among(other, 2)
    assert one.origin is not None
    assert other.origin is not None
    assert mixed.origin is not None
    pairs = [(mixed.arguments[name], one.arguments[name], other.arguments[name]) for name in one.arguments]
    for found, own, others in [*pairs, (mixed.origin, one.origin, other.origin)]:
        assert np.array_equal(found[2], own[2])
        assert np.array_equal(found[[0, 1, 3]], others[[0, 1, 3]])
    assert mixed.parameters is one.parameters
    assert np.array_equal(other.arguments["Y"], before)
    assert drawn(LINEAR, 1).among(drawn(LINEAR, 2), 0).origin is None
    assert replace(one, origin=None).among(other, 2).origin is None
    assert one.among(replace(other, origin=None), 2).origin is None


@pytest.mark.parametrize(
    ("arguments", "parameters", "single"),
    [
        ({"X": 8}, {}, False), ({"X": 4}, {}, True), ({"X": 8, "T": 4}, {}, False), ({"X": 4, "T": 8}, {}, True),
        ({"X": 4}, {"W": 8}, False), ({"X": 8}, {"W": 4}, True), ({"X": 4, "delta_next": 4}, {"W": 8}, True),
        ({"Y": 8, "delta_next": 4}, {}, True), ({"Y": 4, "delta_next": 8}, {"W": 8}, True),
    ],
)  # fmt: skip
def test_the_precision_that_is_granted(arguments: dict[str, int], parameters: dict[str, int], single: bool) -> None:
    """Single where one array is, but for targets, and for inputs beside weights in double."""

    def arrays(sizes: dict[str, int]) -> dict[str, Array]:
        return {name: np.ones((1, 1), f"f{size}") for name, size in sizes.items()}

    assert Case(arrays(arguments), arrays(parameters)).precision() is (SINGLE if single else DOUBLE)


@each_message
def test_an_object_is_made_for_a_case(message: Message) -> None:
    """A linear layer of the sizes of its parameters, which are put in; any other by its name."""
    case = drawn(message)
    first, *puts = message.setting(case)
    arguments: dict[str, Any] = {"name": "layer"}
    if message.parameters:
        arguments |= {"n_inputs": 3, "n_units": 5, "rng": Seed(0)}
    assert first == New("layer", message.cls, arguments)
    assert [(each.name, each.attribute) for each in puts if isinstance(each, Put)] == (
        [("layer", "W"), ("layer", "b")] if message.parameters else []
    )
    for each in puts:
        assert isinstance(each, Put)
        assert each.value is case.parameters[each.attribute]


def test_targets_go_through_the_classes() -> None:
    """From one that the draw decides, also of logits that are huge, infinite or no numbers."""
    for first, start in ((0.0, 0), (0.126, 1), (-0.126, 1), (1.0, 2), (2.0**41, 0), (-(2.0**40), 0), (math.inf, 0),
                         (math.nan, 0), (2.0**39, 2**42 % 3)):  # fmt: skip
        X = np.zeros((4, 3))
        X[0, 0] = first
        with np.errstate(invalid="ignore"):
            T = OF["LossCrossEntropyForSoftmaxLogits.forward"].draw(Sizes(4, 1, 3), lambda _, X=X: X).arguments["T"]
        assert T.argmax(axis=1).tolist() == [(2 * row + start) % 3 for row in range(4)]
    single = LOSS.draw(Sizes(2, 1, 2), lambda shape: np.ones(shape, np.float32)).arguments
    assert {array.dtype for array in single.values()} == {np.dtype(np.float32)}
    assert LOSS.draw(Sizes(2, 1, 1), np.ones).arguments["T"].tolist() == [[1.0], [1.0]]
    assert one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_probabilities_are_those_of_logits() -> None:
    """Row by row, however large they are, also for somebody whose numpy raises exceptions."""
    X = np.array([[0.0, math.log(3.0)], [1e308, -1e308], [-800.0, -800.0]])
    with np.errstate(all="raise"):
        found = probabilities(X)
    assert found == pytest.approx(np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]))


@each_message
@pytest.mark.parametrize("by_position", [False, True])
def test_a_script_makes_the_call(message: Message, by_position: bool) -> None:
    """Of the class from its module, with the parameters; and prints the answer."""
    case = drawn(message)
    script = repro("handed_in", message, case, by_position=by_position)
    found = printed(script, plain.CLASSES)
    parts = found if len(message.parts) > 1 else [found]
    for part, due in zip(parts, answer(message, case), strict=True):
        assert np.array_equal(part, due)
    assert script.startswith(f"import numpy as np\nfrom handed_in import {message.cls}\n")
    assert len(script.splitlines()) <= 10
    assert all((f"{name}={name}" in script) != by_position for name in message.arguments)


def test_a_script_keeps_single_precision() -> None:
    """Of parameters, which are replaced then; those in double are written into the array that is there."""
    case = LINEAR.draw(SIZES, lambda shape: np.ones(shape, np.float32))
    assert "layer.W = np.array(" in repro("x", LINEAR, case)
    assert "layer.b = np.array(" in repro("x", LINEAR, case)
    assert "layer.W[...] = np.array(" in repro("x", LINEAR, drawn(LINEAR))


def test_a_case_in_short() -> None:
    """As nested lists, parameters first; or by its sizes."""
    case = drawn(GRAD)
    assert list(nested(case)) == ["W", "b", "X", "delta_next"]
    assert nested(case)["X"] == case.arguments["X"].tolist()
    assert sizes_of(case) == {"n_samples": 4, "n_inputs": 3, "n_units": 5}
    assert sizes_of(drawn(RELU)) == {"n_samples": 4, "n_inputs": 5, "n_units": 5}


@pytest.mark.parametrize(
    ("implementation", "module"),
    [
        ("mlp", "mlp"), ("a.b.mlp", "a.b.mlp"), ("mlp.py", "mlp"), ("/home/x/mlp.py", "mlp"), ("./mlp", "mlp"),
        ("my-net.py", "your_module"), ("/home/x/my net", "your_module"), ("/home/x/net/", "net"), ("a.py.b", "a.py.b"),
    ],
)  # fmt: skip
def test_a_script_imports_from_what_was_handed_in(implementation: str, module: str) -> None:
    """A module, a file or a folder; what can have no such name has another."""
    assert module_of(implementation) == module


def test_an_answer_is_brought_into_the_due_shape() -> None:
    """Transposed, reshaped, or one number for all; nothing where the number of entries is another."""
    array = np.arange(6.0).reshape(2, 3)

    def shaped(array: Array, shape: tuple[int, ...]) -> Any:
        found = in_shape(array, shape)
        return None if found is None else found.tolist()

    assert shaped(array, (2, 3)) == array.tolist()
    assert shaped(array, (3, 2)) == array.T.tolist()
    assert shaped(array.ravel(), (2, 3)) == array.tolist()
    assert shaped(array[:, :, None], (2, 3)) == array.tolist()
    assert shaped(np.array([[7.0]]), (2, 2)) == [[7.0, 7.0], [7.0, 7.0]]
    assert shaped(np.array(7.0), (1, 1)) == [[7.0]]
    assert shaped(array, (2, 2)) is None
    assert shaped(array[:, :2], (2, 2)) == array[:, :2].tolist()
