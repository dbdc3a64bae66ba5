"""How objects are made by the checks, and parameters set and updated; where a long use ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference.execution.worker.protocol import Call, Get, Keep, New, Put, Ref, Reply, Seed
from reference.findings import Violation
from reference.lab.checks import calls, parameters
from reference.lab.context import MOST_SHOWN, ORDINARY
from reference.lab.mistakes import plain
from tests.examining import with_methods
from tests.hearing import OF, RELU, context, heard

pytestmark = pytest.mark.catalogue


@pytest.mark.parametrize("cls", plain.CLASSES)
def test_objects_are_made_by_name_and_by_position(cls: str) -> None:
    """With the contract's arguments, of sizes that differ; the parameters of a linear layer can be set."""
    if cls == "MLP":
        return
    asks = context(seed=2**32 + 3)
    parameters.check_made(asks, cls)
    (new, *puts), *_ = heard(asks)
    linear = cls == "LinearLayer"
    name = {"name": "layer"}
    assert new == New("layer", cls, {"n_inputs": 40, "n_units": 50, "rng": Seed(3), **name} if linear else name)
    assert [(each.name, each.attribute, each.value.shape) for each in puts] == (
        [("layer", "W", (40, 50)), ("layer", "b", (50,))] if linear else []
    )
    asks = context()
    calls.check_made_by_position(asks, cls)
    (new, *looks), *_ = heard(asks)
    assert new.by_position
    assert list(new.arguments) == (["n_inputs", "n_units", "rng", "name"] if linear else ["name"])
    assert looks == ([Get("layer", "W")] if linear else [])
    if linear:
        assert (new.arguments["n_inputs"], new.arguments["n_units"]) == (3, 5)


class Fixed(plain.LinearLayer):
    """Takes neither W nor b."""

    refused = "W"

    def __setattr__(self, name: str, value: Any) -> None:
        if name == self.refused and name in vars(self):
            raise AttributeError(f"{name} stays")
        super().__setattr__(name, np.broadcast_to(value, np.shape(value)) if name == self.refused else value)


@pytest.mark.parametrize(("name", "shape"), [("W", (40, 50)), ("b", (50,))])
def test_a_parameter_that_cannot_be_set_is_told(name: str, shape: tuple[int, ...]) -> None:
    """By its name and the shape that was put in."""
    classes = {**plain.CLASSES, "LinearLayer": type("LinearLayer", (Fixed,), {"refused": name})}
    with pytest.raises(Violation) as found:
        parameters.check_made(context(classes), "LinearLayer")
    assert (found.value.due.kind, found.value.due.fields) == ("can be set", {"name": name, "shape": shape})
    assert (found.value.came.kind, found.value.mistake) == ("raised", "missing")


def test_updates_are_asked_of_many_sizes_and_steps() -> None:
    """Short ones, none, and huge ones; in the same two arrays, by position and by name in turn."""
    asks = context()
    parameters.check_update_adds_again(asks)
    widths = [(1, 1), (1, 2), (2, 3), (3, 3), (300, 65)]
    assert len(heard(asks)) == len(widths)
    for steps, (d, u) in zip(heard(asks), widths, strict=True):
        new, put_W, put_b, *_ = steps
        assert (new.arguments["n_inputs"], new.arguments["n_units"]) == (d, u)
        assert [(each.name, each.attribute) for each in (put_W, put_b)] == [("layer", "W"), ("layer", "b")]
        assert (put_W.value == 1).all()
        assert put_W.value.shape == (d, u)
        assert (put_b.value == 1).all()
        assert put_b.value.shape == (u,)
        keeps = [each for each in steps if isinstance(each, Keep)]
        assert [each.name for each in keeps] == ["dW", "db"] * 6
        assert [each.array.shape for each in keeps] == [(d, u), (u,)] * 6
        size = [float(np.abs(each.array).max()) for each in keeps]
        assert max(size[:4]) <= 2
        assert size[4] == size[5] == 0
        for place, power in ((6, 10), (8, 30), (10, 200)):
            assert 10.0 ** (power - 3) < max(size[place : place + 2]) < 10.0 ** (power + 1)
        updates = [each for each in steps if isinstance(each, Call)]
        assert [each.by_position for each in updates] == [True, False] * 3
        assert all(each == Call("layer", "update_params", {"dtheta": [Ref("dW"), Ref("db")]}, each.by_position)
                   for each in updates)  # fmt: skip
        assert [each.attribute for each in steps if isinstance(each, Get)] == ["W", "b"] * 7


def test_the_first_update_is_asked_of_three_sizes() -> None:
    """Parameters and steps are short numbers, each of its own."""
    asks = context()
    parameters.check_update_adds(asks)
    assert len(heard(asks)) == 3
    for steps, (d, u) in zip(heard(asks), ((1, 2), (2, 3), (3, 3)), strict=True):
        puts = [each for each in steps if isinstance(each, Put)]
        assert [(each.attribute, each.value.shape) for each in puts] == [("W", (d, u)), ("b", (u,))]
        (update,) = [each for each in steps if isinstance(each, Call)]
        assert [part.shape for part in update.arguments["dtheta"]] == [(d, u), (u,)]
        arrays = [*(each.value for each in puts), *update.arguments["dtheta"]]
        assert all((8 * array % 1 == 0).all() and (array != 0).all() for array in arrays)
        assert not np.array_equal(puts[0].value, update.arguments["dtheta"][0])


def test_parameters_under_other_names_are_missing() -> None:
    """Who keeps them so has not lost the step."""

    class Hidden(plain.LinearLayer):
        def initialize(self) -> None:
            super().initialize()
            self.weights = self.__dict__.pop("W")

        def update_params(self, dtheta: Any) -> None:
            self.weights = self.weights + dtheta[0]

    with pytest.raises(Violation) as found:
        parameters.check_update_adds(context({**plain.CLASSES, "LinearLayer": Hidden}))
    assert found.value.mistake == "missing"


def test_the_first_wrong_update_is_told() -> None:
    """Of the smallest layer; where parameters have other names that is what is told of it."""
    update = plain.LinearLayer.update_params
    wrong = with_methods("LinearLayer", {"update_params": lambda self, dtheta: update(self, [dtheta[0], -dtheta[1]])})
    with pytest.raises(Violation) as found:
        parameters.check_update_adds(context(wrong))
    assert (found.value.due["what"], found.value.mistake) == ("b", None)
    assert set(found.value.counterexample) == {"dW", "db"}
    assert np.shape(found.value.counterexample["dW"]) == (1, 2)
    assert found.value.due["value"] == found.value.due["old"] + found.value.due["step"]


@pytest.mark.parametrize("cls", ["ReLULayer", "LinearLayer"])
def test_an_object_that_cannot_be_made_by_position_is_told(cls: str) -> None:
    """By its name and by those of its arguments, in their order."""
    kind: Any = plain.CLASSES[cls]
    right = kind.__init__
    wrong = with_methods(cls, {"__init__": lambda self, *, name, **others: right(self, **others, name=name)})
    with pytest.raises(Violation) as found:
        calls.check_made_by_position(context(wrong), cls)
    names = ("n_inputs", "n_units", "rng", "name") if cls == "LinearLayer" else ("name",)
    assert (found.value.due.kind, {**found.value.due.fields}) == ("makes by position", {"cls": cls, "names": names})
    assert (found.value.came.kind, found.value.mistake) == ("raised", "argument-order")


def test_an_answer_that_is_an_argument_is_blamed_where_it_changes() -> None:
    """In long use: otherwise nobody is harmed, and another check tells of it."""
    case = RELU.draw(ORDINARY, np.ones)
    reply = Reply(np.ones((3, 4)), "ndarray", aliases=("X",))
    calls._judge_use(context(), RELU, case, reply, 2)
    with pytest.raises(Violation) as found:
        calls._judge_use(context(), RELU, case, replace(reply, altered=True), 2)
    assert found.value.came["name"] == "X"
    with pytest.raises(Violation) as found:
        calls._judge_use(context(), RELU, case, replace(reply, aliases=(), altered=True), 2)
    assert found.value.came.kind == "changed later"


@pytest.mark.parametrize("step", [lambda self, dtheta: setattr(self, "W", "none"),
                                  lambda self, dtheta: setattr(self, "W", np.ones((1, 1)))])  # fmt: skip
def test_long_use_ends_where_parameters_are_lost(step: Any) -> None:
    """As the checks of steps tell of that."""
    asks = context(with_linear(update_params=step))
    calls.check_long_use(asks, OF["LinearLayer.forward"])
    assert len(heard(asks)) == 1


def test_initial_weights_are_those_of_the_seed() -> None:
    """Of its lowest 32 bits, whatever seed is given; weights in single precision are told by an entry."""
    parameters.check_initialisation(context(seed=2**32 + 3))
    parameters.check_initialisation(context(seed=7))
    initialize = plain.LinearLayer.initialize

    def single(self: Any) -> None:
        initialize(self)
        self.W = self.W.astype(np.float32)

    with pytest.raises(Violation) as found:
        parameters.check_initialisation(context(with_linear(initialize=single)))
    assert (found.value.due.kind, found.value.came.kind) == ("dtype of", "dtype")
    row, column = found.value.index
    assert 0 <= row < 40
    assert 0 <= column < 50


@pytest.mark.parametrize(("deviation", "same"), [(1.09, True), (0.91, True), (1.11, False), (0.89, False)])
def test_another_generator_draws_by_the_same_law(deviation: float, same: bool) -> None:
    """If the deviation is right to a tenth; NaN and infinity have none."""
    due = np.array([[1.0, -1.0], [1.0, -1.0]])
    assert parameters._is_same_law(deviation * due, due) is same
    assert not parameters._is_same_law(np.nan * due, due)
    assert not parameters._is_same_law(np.inf * due, due)


def with_linear(**methods: Any) -> dict[str, type]:
    return with_methods("LinearLayer", methods)


@pytest.mark.parametrize(("roundings", "is_wrong"), [(0.0, False), (6.0, False), (10.0, True), (-10.0, True)])
def test_initial_weights_may_be_rounded(roundings: float, is_wrong: bool) -> None:
    """A few times, in whatever order they are computed."""
    initialize = plain.LinearLayer.initialize

    def rounded(self: Any) -> None:
        initialize(self)
        self.W = self.W * (1 + roundings * 2.0**-53)

    asks = context(with_linear(initialize=rounded))
    if is_wrong:
        with pytest.raises(Violation) as found:
            parameters.check_initialisation(asks)
        assert (found.value.due.kind, found.value.mistake) == ("law", "initialisation")
        assert found.value.index == found.value.due["index"] == found.value.came["index"]
    else:
        parameters.check_initialisation(asks)
    assert [each.values[0].shape for each in asks.log[:1]] == [(40, 50)]
    assert len(asks.log) == (1 if is_wrong else 4)


@pytest.mark.parametrize(("roundings", "is_wrong"), [(1.0, False), (-1.0, False), (8.0, True), (-8.0, True)])
def test_a_sum_may_be_rounded_once(roundings: float, is_wrong: bool) -> None:
    """Of the old parameters and the step."""
    update = plain.LinearLayer.update_params

    def rounded(self: Any, dtheta: Any) -> None:
        update(self, dtheta)
        self.b = self.b * (1 + roundings * 2.0**-53)

    asks = context(with_linear(update_params=rounded))
    if is_wrong:
        with pytest.raises(Violation) as found:
            parameters.check_update_adds(asks)
        assert (found.value.due.kind, found.value.due["what"]) == ("sum", "b")
    else:
        parameters.check_update_adds(asks)


def test_a_large_wrong_step_is_not_shown_in_numbers() -> None:
    """As they are too many to be read."""
    update = plain.LinearLayer.update_params
    wrong = with_linear(
        update_params=lambda self, dtheta: update(self, [dtheta[0] + (dtheta[0].size > 9000), dtheta[1]])
    )
    with pytest.raises(Violation) as found:
        parameters.check_update_adds_again(context(wrong))
    assert (found.value.counterexample, found.value.due["what"]) == ({}, "W")
    assert found.value.mistake is None


@pytest.mark.parametrize("name", ["W", "b"])
def test_a_step_that_is_wrong_for_these_parameters_is_no_matter_of_those_before(name: str) -> None:
    """As a new object with the same parameters adds it wrongly too."""
    update = plain.LinearLayer.update_params

    def wrong(self: Any, dtheta: Any) -> None:
        off = not (vars(self)[name] == 1).all()
        update(self, [part + off for part in dtheta])

    with pytest.raises(Violation) as found:
        parameters.check_update_adds_again(context(with_linear(update_params=wrong)))
    assert found.value.mistake is None
    assert "at call" not in {each.kind for each in found.value.due.more}


@pytest.mark.parametrize(("number", "is_shown"), [(MOST_SHOWN, True), (MOST_SHOWN + 1, False)])
def test_a_wrong_step_is_shown_up_to_a_size(number: int, is_shown: bool) -> None:
    """By its numbers, both of weights and of biases."""
    dW, db = np.ones((1, number)), np.zeros(number)
    before, after = [Reply(np.zeros(part.shape), "ndarray") for part in (dW, db)], Reply(db, "ndarray")
    asks, same = context(), Reply(np.full(dW.shape, 5.0), "ndarray")
    before[0] = same
    with pytest.raises(Violation) as found:
        parameters._judge_sums(asks, (dW, db), before, [same, after])
    assert [[np.unique(value).tolist() for value in each.values] for each in asks.log] == [[[0], [5]], [[0], [0]]]
    shown = {"dW": dW.tolist(), "db": db.tolist()}
    assert found.value.counterexample == (shown if is_shown else {})


def test_a_layer_that_cannot_be_made_is_told_alike() -> None:
    """Whichever check makes it: by its name and by those of its arguments."""
    context_of = {**plain.CLASSES, "LinearLayer": type("LinearLayer", (), {})}
    checks: list[Any] = [parameters.check_update_adds, parameters.check_update_adds_again,
                         parameters.check_initialisation]  # fmt: skip
    asks = context(context_of)
    with pytest.raises(Violation) as due:
        parameters.check_made(asks, "LinearLayer")
    assert [each.values for each in asks.log] == [(due.value.came["error"],)]
    for check in checks:
        with pytest.raises(Violation) as found:
            check(context(context_of))
        assert (found.value.due, found.value.mistake) == (due.value.due, "crash")


def tired(self: Any, dtheta: Any) -> None:
    """Takes two steps."""
    self.taken = getattr(self, "taken", 0) + 1
    if self.taken > 2:
        raise ValueError("no more")
    plain.LinearLayer.update_params(self, dtheta)


def by_name(self: Any, *, dtheta: Any) -> None:
    plain.LinearLayer.update_params(self, dtheta)


@pytest.mark.parametrize(("update", "number", "word"), [(tired, 3, "crash"), (by_name, 1, "argument-order")])
def test_a_later_step_that_raises_is_told_by_its_number(update: Any, number: int, word: str) -> None:
    """It is noted by what was raised."""
    asks = context(with_linear(update_params=update))
    with pytest.raises(Violation) as found:
        parameters.check_update_adds_again(asks)
    (told,) = found.value.due.more
    assert (found.value.due.kind, told.kind, told["number"]) == ("adds", "at call", number)
    assert (found.value.came.kind, found.value.mistake) == ("raised", word)
    assert asks.log[-1].values == (found.value.came["error"],)


@pytest.mark.parametrize(
    ("cls", "value", "due", "came", "word"),
    [
        ("LinearLayer", True, None, None, None), ("LinearLayer", np.bool_(True), None, None, None),
        ("ReLULayer", False, None, None, None), ("LinearLayer", False, True, False, None),
        ("SoftmaxLayer", True, False, True, None), ("LinearLayer", 1, True, "1", "wrong-type"),
        ("ReLULayer", None, False, "None", "not-implemented"), ("ReLULayer", "x" * 300, False, "x" * 200, "wrong-type"),
    ],
)  # fmt: skip
def test_whether_there_is_anything_to_learn(cls: str, value: Any, due: Any, came: Any, word: str | None) -> None:
    """Told by a truth value, which is noted; anything else is cut to what can be read."""
    asks = context(with_methods(cls, {"has_params": lambda self: value}))
    if due is None:
        parameters.check_has_params(asks, cls)
    else:
        with pytest.raises(Violation) as found:
            parameters.check_has_params(asks, cls)
        assert (found.value.due.kind, found.value.due["value"]) == ("has_params", due)
        assert (found.value.came.kind, found.value.came["value"], found.value.mistake) == ("value", came, word)
    assert [each.values for each in asks.log] == [(value,)]
