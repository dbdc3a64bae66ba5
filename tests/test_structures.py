"""Dicts, lists and tuples of arrays: taken apart, put together again, written down, and told where they do not fit."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from reference.findings import Violation
from reference.gradients.doors import structure
from reference.gradients.doors.scripts import Script, source
from reference.gradients.doors.structure import Arrays, Place, Structure
from reference.gradients.doors.translation import _lists

pytestmark = pytest.mark.catalogue


class Pair(NamedTuple):
    """A named tuple of parameters."""

    W: Any
    b: Any


class Parts(list):  # type: ignore[type-arg]  # of anything
    """A list of parameters, of a type of the user's own."""


class Own(dict):  # type: ignore[type-arg]  # of anything
    """A dict of parameters."""


ONE, TWO, THREE = np.array([1.0, 2.0]), np.array([[3.0]]), np.array([4.0, 5.0, 6.0])

#: A value, and the names of its arrays.
VALUES: dict[str, tuple[Any, list[str]]] = {
    "an array": (ONE, ["p"]),
    "a number": (2.5, ["p"]),
    "a list of numbers": ([1.0, 2.0], ["p"]),
    "a nested list of numbers": ([[1.0], [2.0]], ["p"]),
    "an empty list": ([], []),
    "a whole number": (3, []),
    "a word": ("mean", []),
    "not finite": (np.inf, []),
    "a tuple": ((ONE, TWO), ["p[0]", "p[1]"]),
    "a tuple of whole numbers": ((1, 2), []),
    "a list of arrays": ([ONE, TWO], ["p[0]", "p[1]"]),
    "a dict": ({"W": ONE, "b": TWO}, ["p['W']", "p['b']"]),
    "settings": ({"mode": "train", "W": ONE}, []),
    "a flag among parameters": ({"W": ONE, "training": True}, []),
    "a nested structure": ({"a": [ONE, {"b": TWO}], "c": (THREE, 7)}, ["p['a'][0]", "p['a'][1]['b']", "p['c'][0]"]),
    "a list and a dict of types of their own": (Own({"W": Parts([ONE, TWO])}), ["p['W'][0]", "p['W'][1]"]),
    "a named tuple": (Pair(ONE, TWO), ["p[0]", "p[1]"]),
}


def structure_of(value: Any) -> tuple[Structure, list[Any]]:
    arrays = Arrays()
    template = arrays.template(value, "p")
    return Structure(template, tuple(arrays.names)), arrays.found


def same(one: Any, two: Any) -> bool:
    if isinstance(one, dict):
        return type(one) is type(two) and list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(two) and len(one) == len(two) and all(map(same, one, two))
    return type(one) is type(two) and np.array_equal(one, two)


@pytest.mark.parametrize("which", VALUES)
def test_a_value_comes_back_as_it_was(which: str) -> None:
    """Its arrays have the names that a user writes, and with them it is put together again."""
    value, names = VALUES[which]
    found, leaves = structure_of(value)
    assert list(found.names) == names
    assert [each.name for each in structure.places(found.template)] == names
    assert [each.number for each in structure.places(found.template)] == list(range(len(names)))
    assert same(found.build(leaves), value)


def test_a_container_that_is_made_in_another_way_comes_back_as_a_plain_one() -> None:
    """A list, a tuple or a dict of the same parts."""

    class Two(tuple):  # type: ignore[type-arg]  # of anything
        def __new__(cls, one: Any, two: Any) -> Any:
            return super().__new__(cls, (one, two))

    class Named(list):  # type: ignore[type-arg]  # of anything
        def __init__(self, *, name: str) -> None:
            super().__init__([ONE])

    class Kept(dict):  # type: ignore[type-arg]  # of anything
        def __init__(self, *, name: str) -> None:
            super().__init__(W=ONE)

    for value, plain in ((Two(ONE, TWO), (ONE, TWO)), (Named(name="a"), [ONE]), (Kept(name="a"), {"W": ONE})):
        found, leaves = structure_of(value)
        assert same(found.build(leaves), plain)


def test_a_number_comes_back_as_a_number() -> None:
    """Not as an array without axes, with which some functions cannot do what they do with a number."""
    found, _ = structure_of({"rate": 0.5, "W": ONE})
    built = found.build([np.array(0.25), ONE])
    assert type(built["rate"]) is np.float64
    assert built["rate"] == 0.25
    assert found.template["rate"] == Place(0, "p['rate']", is_number=True)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (None, True), ("mean", True), (3, True), ((1, "a", None), True), ([], True),
        ({"mode": "train", "W": ONE}, True), ({"n": 3, "k": (1, 2)}, True),
        ({"n": 3, "W": ONE}, False), (2.5, False), (ONE, False), ((1, ONE), False),
        ([[1.5]], False),
    ],
)  # fmt: skip
def test_what_has_no_derivative_is_static(value: Any, is_one: bool) -> None:
    """In containers too, where all of it is."""
    assert structure.is_static(value) is is_one


@pytest.mark.parametrize("lists", [True, False])
def test_lists_of_numbers_are_arrays_or_not(lists: bool) -> None:
    """As is said; numbers are found one by one otherwise."""
    arrays = Arrays(lists=lists)
    arrays.template([1.5, 2.5], "p")
    assert arrays.names == (["p"] if lists else ["p[0]", "p[1]"])


def test_numbers_are_left_where_they_are_no_arrays() -> None:
    """A rate or a slope beside arrays is a setting of a call."""
    arrays = Arrays(numbers=False)
    template = arrays.template((ONE, 0.5), "p")
    assert (template[1], arrays.names) == (0.5, ["p[0]"])


#: A value, an answer in another form, and its arrays in order.
ANSWERS: dict[str, tuple[Any, Any, list[Any]]] = {
    "a list for a tuple": ((ONE, TWO), [1, 2], [1, 2]),
    "a tuple for a list": ([ONE, TWO], (1, 2), [1, 2]),
    "without what is no array": ((ONE, "mean", TWO), (1, 2), [1, 2]),
    "with what is no array": ((ONE, "mean", TWO), (1, "mean", 2), [1, 2]),
    **{f"the key {key}": ({"W": ONE}, {key: 1}, [1]) for key in ("W", "dW", "grad_W", "W_grad", "d_W")},
    "other keys beside": ({"W": ONE}, {"b": 2, "W": 1}, [1]),
    "none for a part": ({"a": [ONE, TWO], "b": THREE}, {"a": None, "b": 3}, [None, None, 3]),
    "keys that are no words": ({1: ONE}, {1: 5}, [5]),
}


@pytest.mark.parametrize("which", ANSWERS)
def test_an_answer_may_have_another_form(which: str) -> None:
    """A list for a tuple, the usual names of gradients, and None for what has no gradient."""
    value, answer, leaves = ANSWERS[which]
    assert structure_of(value)[0].leaves(answer) == leaves


#: A value, an answer that does not fit, and the kinds and names of what was due and of what came.
MISFITS: dict[str, tuple[Any, Any, tuple[str, str], dict[str, Any]]] = {
    "an array for a dict": ({"W": ONE}, ONE, ("keys", "type"), {"name": "an array of shape (2,)"}),
    "a list for a dict": ({"W": ONE}, [1], ("keys", "type"), {"name": "list"}),
    "a key that is missing": (
        {"W": ONE, "b": TWO}, {"W": 1, "c": 2}, ("keys", "type"), {"name": "a dict with the keys 'W', 'c'"},
    ),
    "a dict of nothing": ({"W": ONE}, {}, ("keys", "type"), {"name": "a dict with the keys of nothing"}),
    "a number for a tuple": ((ONE, TWO), 1.0, ("structure", "type"), {"name": "float"}),
    "too few": ((ONE, TWO, THREE), (1, 2), ("structure", "several"), {"name": "tuple", "count": 2}),
    "too many, inside": ({"a": [ONE, TWO]}, {"a": [1, 2, 3]}, ("structure", "several"), {"name": "list", "count": 3}),
}  # fmt: skip


@pytest.mark.parametrize("which", MISFITS)
def test_an_answer_that_does_not_fit_is_told(which: str) -> None:
    """With what was due, what came, and the word for an answer of another type."""
    value, answer, kinds, fields = MISFITS[which]
    with pytest.raises(Violation) as caught:
        structure_of(value)[0].leaves(answer)
    assert (caught.value.due.kind, caught.value.came.kind) == kinds
    assert caught.value.mistake == "wrong-type"
    assert caught.value.came.fields == fields
    names = {"keys": ", ".join(map(repr, value)), "structure": f"{type(value).__name__} of {len(value)}"}
    if "inside" not in which:
        assert caught.value.due.fields == {
            "names" if kinds[0] == "keys" else "name": names[kinds[0]],
        }


@pytest.mark.parametrize(
    "value", [ONE, TWO, (ONE,), (ONE, 2), [ONE, "a"], {"W": ONE, 1: (None, True)}, 2.5, "mean", [], ()]
)
def test_a_value_that_is_written_down_is_the_same(value: Any) -> None:
    """The expression gives it again, in a script with numpy alone."""
    assert same(eval(source(value), {"np": np}), value)  # noqa: S307 - our own expression


def test_what_cannot_be_written_down_is_named() -> None:
    """And a script with it is none."""
    with pytest.raises(ValueError, match="got object"):
        source([object()])
    assert Script(("print(1)",), ("print(2)",)).text("vjp.forward.answers", object()) is None


def halves(x: Any) -> Any:
    return x / 2


def halves_vjp(g: Any, x: Any) -> Any:
    return g / 2


def test_a_script_calls_what_it_imports() -> None:
    """Each function is imported once, before the arguments, and called last, with the check's name in between."""
    script = Script.of((halves, halves_vjp), "{forward}(args)", "y = {forward}(args)\n{vjp}(cotangent, args)")
    module = halves.__module__
    forward = script.text("vjp.forward.answers", ONE)
    both = script.text("vjp.gradient.answers", ONE, TWO)
    assert forward is not None
    assert both is not None
    assert forward.splitlines() == [
        "import numpy as np", f"from {module} import halves", "# vjp.forward.answers", f"args = {source(ONE)}",
        "print(halves(args))",
    ]  # fmt: skip
    assert both.splitlines() == [
        "import numpy as np", f"from {module} import halves", f"from {module} import halves_vjp",
        "# vjp.gradient.answers", f"args = {source(ONE)}", f"cotangent = {source(TWO)}", "y = halves(args)",
        "print(halves_vjp(cotangent, args))",
    ]  # fmt: skip
    assert both.endswith("\n")


def test_a_script_that_is_too_long_is_none() -> None:
    """Nobody reads more than ten lines."""
    lines = tuple(f"a{number} = {number}" for number in range(7))
    assert Script(lines, lines).text("vjp.forward.answers", 1) is not None
    assert Script((*lines, "b = 1"), lines).text("vjp.forward.answers", 1) is None


def test_arrays_in_a_counterexample_are_lists() -> None:
    """At any depth, so that it can be written to a file."""
    assert _lists({"a": (ONE, [TWO]), "b": 1}) == {"a": [[1.0, 2.0], [[[3.0]]]], "b": 1}
