"""Each kind of edit that the search for a repair tries: the mistake that it undoes, and what that is called."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import arguments
from reference.gradients.context import Context
from reference.gradients.diagnosis.samples import Sample
from reference.gradients.repair import arithmetic, naming, replacing, search, sources
from reference.gradients.repair.instrument import kept
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.running import Running, quiet
from reference.gradients.repair.view import View
from reference.gradients.subject import Subject
from reference.wording import MISTAKES
from tests.repair_edits import ROWS, Family
from tests.repair_line_edits import STATEMENTS

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


def drawn(seed: int) -> dict[str, Array]:
    """The arguments of every code of the table: no two entries are equal, and all are between 0.1 and 0.9."""
    rng = np.random.RandomState(seed)
    shapes = {"x": (3, 4), "y": (3, 4), "s": (3, 3), "t": (3, 3), "v": (6,), "u": (6,), "c": (2, 3, 4)}
    return {name: rng.uniform(0.1, 0.9, shape) for name, shape in shapes.items()}


NAMES: dict[str, Any] = {
    "np": np, "n": 2, "eps": 1e-3, "limit": 0.4, "places": np.array([0, 2, 0, 1, 2, 5]),
    "order": np.array([5, 3, 1, 0, 2, 4]),
    "added": lambda z, axis: z.cumsum(axis), "softplus": lambda z: np.log1p(np.exp(z)),
}  # fmt: skip

#: What an edit costs is compared: the most far-fetched one costs less than two of the likeliest together.
MOST = {replacing.expressions: 2.05, arithmetic.functions: 2.15}
LEAST, MOST_OF_OTHERS = 0.94, 1.94


def written(body: str, name: str) -> Callable[..., Any]:
    """A gradient with this code, as if it stood in a file of its own."""
    lines = [f"    {line}" for statement in body.split("; ") for line in statement.split("\n")]
    text = "\n".join([f"def vjp(g, {', '.join(drawn(0))}):", "    d = 0.0 * g", *lines, "    return d", ""])
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    names = dict(NAMES)
    exec(compile(text, name, "exec"), names)  # noqa: S102 - code of this table
    function: Callable[..., Any] = names["vjp"]
    return function


def sample(seed: int) -> Sample:
    args = tuple(drawn(seed).values())
    cotangent = np.random.RandomState(seed + 10).uniform(0.1, 0.9, 6)
    return Sample(args, args, cotangent, (), (), ())


def forward(*args: Array) -> Array:
    return args[4]


def running_of(subject: Subject, samples: list[Sample]) -> Running:
    """The instrumented code, which is found without a search among all objects of this process: that takes long."""
    with patch.object(sources, "_of_codes", lambda _: [subject.vjp]):
        return Running(Context(subject, None, 0, "normal"), samples)


def answers_of(function: Callable[..., Any], asked: Sample) -> list[Array]:
    raw = function(asked.cotangent.copy(), *(np.array(each) for each in asked.args))
    return [np.asarray(each, dtype=float) for each in (raw if isinstance(raw, tuple) else (raw,))]


def judge(family: Family, wrong: str, right: str, word: str, name: str) -> None:
    one, other = sample(1), sample(2)
    further = replace(one, cotangent=other.cotangent)
    vjp = written(wrong, f"{name} wrong")
    due = [answers_of(written(right, f"{name} right"), each) for each in (one, other)]
    count = len(due[0])
    subject = Subject(forward, vjp, arguments.pattern(one.args, None))
    running = running_of(subject, [one, other])
    running._positions = tuple(range(count))  # the answers of the code, whatever it differentiates
    found = []
    with quiet(), running:
        runs = [running.recorded(one), running.recorded(one, 2.0), running.recorded(other), running.recorded(further)]
        for edit in family(View(running.sites, runs, one.cotangent)):
            assert edit.word in MISTAKES or edit.word == arithmetic.NO_WORD
            assert edit.new is not None or edit.replaced
            assert LEAST < edit.cost < MOST.get(family, MOST_OF_OTHERS)
            with running.edited(edit) as done:
                assert done, "the edited code can be compiled"
                if edit.word == word:
                    answers = [running.answers(each) for each in (one, other)]
                    found.append(all(map(are_equal, answers, due)))
    assert any(found)


def are_equal(answers: tuple[Any, ...] | None, due: list[Array]) -> bool:
    return answers is not None and all(
        given.shape == wanted.shape and np.allclose(given, wanted, rtol=1e-12, atol=0)
        for given, wanted in zip(answers, due, strict=True)
    )


def test_each_family_of_edits_is_in_a_table() -> None:
    """What the search tries undoes a mistake that is known."""
    tried = {family for group in search._FAMILIES for family in group}
    assert tried == {row[0] for row in [*ROWS, *STATEMENTS]}


@pytest.mark.parametrize(("family", "wrong", "right", "word"), ROWS, ids=lambda each: getattr(each, "__name__", each))
def test_an_edit_of_the_expression_undoes_the_mistake(family: Family, wrong: str, right: str, word: str) -> None:
    """One edit of this family gives what the right code gives, and names the mistake; all its edits are code."""
    judge(family, f"return {wrong}", f"return {right}", word, "expression")


@pytest.mark.parametrize(
    ("family", "wrong", "right", "word"), STATEMENTS, ids=lambda each: getattr(each, "__name__", each)
)
def test_an_edit_of_a_statement_undoes_the_mistake(family: Family, wrong: str, right: str, word: str) -> None:
    """One edit of this family gives what the right code gives, and names the mistake; all its edits are code."""
    judge(family, wrong, right, word, "statement")


#: An expression, a part of it, and what that is for.
PURPOSES = [
    ("v[n] * u", "n", "index"),
    ("v[n + 1] * u", "1", "index"),
    ("v[n:].sum() * u", "n", "index"),
    ("v.reshape(n, 3)", "3", "size"),
    ("np.zeros(n)", "n", "size"),
    ("np.arange(n) * 1.0", "n", "range"),
    ("np.roll(v, n)", "n", "shift"),
    ("np.roll(v, n)", "v", "value"),
    ("np.roll(x, 1, 0)", "0", "axis"),
    ("x.sum(1)", "1", "axis"),
    ("np.sum(x, 1)", "1", "axis"),
    ("np.sum(x, 1)", "x", "value"),
    ("x.transpose((1, 0))", "(1, 0)", "axis"),
    ("np.sum(x, axis=1)", "1", "axis"),
    ("np.sum(x, axis=-1)", "-1", "axis"),
    ("np.sum(x, axis=0, keepdims=True)", "True", "option"),
    ("np.clip(x, a_min=limit, a_max=1)", "limit", "value"),
    ("np.maximum(x, limit)", "limit", "value"),
    ("np.swapaxes(c, 0, n)", "n", "value"),
    ("x ** n", "n", "exponent"),
    ("x ** n", "x", "value"),
    ("x ** (n - 1)", "1", "exponent"),
    ("x * (y > limit)", "limit", "compared"),
    ("x * (y > limit)", "y", "compared"),
    ("x * y", "y", "value"),
    ("np.argmax(x, 1) * n", "x", "compared"),
    ("np.argmax(x, 1) * n", "1", "axis"),
    ("x.argmin(1) * n", "x", "compared"),
    ("x.argmin(1) * n", "1", "axis"),
]


@pytest.mark.parametrize(("expression", "part", "purpose"), PURPOSES)
def test_what_a_part_of_an_expression_is_for(expression: str, part: str, purpose: str) -> None:
    """An index, an axis or an exponent is told from a value by where it stands."""
    assert purpose in {place.role for place in places_of(f"return {expression}") if ast.unparse(place.node) == part}


def test_what_a_loop_runs_over_is_a_range() -> None:
    """It says which entries are meant, as an index does."""
    places = places_of("for i in range(n):\n  d[i] = v[i]")
    assert {ast.unparse(each.node): each.role for each in places}["range(n)"] == "range"


#: An expression, a part of it, and the word where a factor is missing at that part.
FINAL = [
    ("x * (y > 0.5)", "y", "mask-from-other"),
    ("x * (y > limit)", "limit", "mask-wrong-threshold"),
    ("v[::n] * 1.0", "n", "flipped"),
    ("x + 0.7", "0.7", "other-epsilon"),
    ("x - 2.5", "2.5", "other-epsilon"),
    ("x + 2.0", "2.0", "scaled"),
    ("x * 0.7", "0.7", "scaled"),
    ("x * eps", "eps", "other-epsilon"),
    ("x * y", "y", "factor-missing"),
]


@pytest.mark.parametrize(("expression", "part", "word"), FINAL)
def test_the_word_says_what_the_part_is_for(expression: str, part: str, word: str) -> None:
    """A factor is called a threshold, a constant or a step where the edited part is one."""
    (place,) = [each for each in places_of(f"return {expression}") if ast.unparse(each.node) == part]
    assert naming.final(Edit(place, "factor-missing", 1.0)) == word
    assert naming.final(Edit(place, "transposed", 1.0)) == "transposed"


def test_a_number_without_its_minus_has_the_wrong_sign() -> None:
    """It is no other constant."""
    (place,) = [each for each in places_of("return x * -0.7") if ast.unparse(each.node) == "-0.7"]
    assert naming.final(Edit(place, "sign", 1.0)) == "sign"


def view_of(body: str) -> View:
    """The places of a code, with their values."""
    one = sample(1)
    vjp = written(body, "places")
    subject = Subject(forward, vjp, arguments.pattern(one.args, None))
    running = running_of(subject, [one, sample(2)])
    with quiet(), running:
        runs = [running.recorded(each) for each in (one, replace(one, cotangent=2 * one.cotangent), sample(2), one)]
        return View(running.sites, runs, one.cotangent)


def places_of(body: str) -> list[Place]:
    return view_of(body).places


#: Errors of gradients, and the word for where they are.
WHERE = [
    ([np.diag([0.0, 1.0, 0.0])], "row-wrong"),
    ([np.diag([0.0, 0.0, 1.0])], "last-sample-wrong"),
    ([np.array([0.0, 0.0, 1.0])], "entry-wrong"),
    ([np.array([[0.0, 1.0], [0.0, 1.0]])], "row-wrong"),
    ([np.array([[0.0, 0.0], [1.0, 1.0]])], "last-sample-wrong"),
    ([np.array([[1.0, 0.0], [0.0, 1.0]])], None),
    ([np.array([1.0, 1.0])], None),
    ([np.array([1.0, 1e-30])], "entry-wrong"),
    ([np.zeros(3), np.array([[0.0, 0.0], [1.0, 1.0]])], "last-sample-wrong"),
    ([np.array([0.0, 1.0]), np.array([[0.0, 0.0], [1.0, 1.0]])], "row-wrong"),
    ([np.zeros(3)], None),
]


@pytest.mark.parametrize(("errors", "word"), WHERE)
def test_errors_in_one_place_have_a_word(errors: list[Array], word: str | None) -> None:
    """One entry of a vector, one row, or the last sample; errors all over have none."""
    assert naming.of_one_place(errors) == word


def test_what_is_kept_of_a_value_is_a_copy() -> None:
    """Code that writes into an array later does not change what was recorded of it, in a tuple or list either."""
    array = np.arange(3.0)
    found = [kept(array), *kept((array, 1)), *kept([array, "a"])]
    array[:] = 7
    assert [type(each) for each in (kept((array,)), kept([array]))] == [tuple, list]
    assert [each.tolist() if isinstance(each, np.ndarray) else each for each in found] == [
        [0, 1, 2], [0, 1, 2], 1, [0, 1, 2], "a",
    ]  # fmt: skip
