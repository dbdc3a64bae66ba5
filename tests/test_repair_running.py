"""The writer's functions run with edits in them, and are what they were afterwards."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.running import Running, Work, are_apart, quiet
from reference.gradients.repair.sent import Loaded, Sent, SentPattern
from reference.gradients.repair.sources import NoSourceError
from reference.gradients.repair.view import View
from tests.test_repair_sources import loaded

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X = np.array([[0.5, 0.25, -0.75], [1.0, -0.5, 2.0]])
G = np.array([[1.0, -2.0, 0.5], [0.25, 1.5, -1.0]])
_NUMBERS = count()


def sample(vjp: Callable[..., Any], right: Callable[..., Any], *args: Array, cotangent: Array = G) -> Sent:
    """A case in which one function answers and another one is right."""
    answers, truths = (
        tuple(np.array(each, dtype=float) for each in function(cotangent.copy(), *args)) for function in (vjp, right)
    )
    return Sent(args, cotangent, answers, truths, tuple(0 * each for each in truths))


def named(text: str) -> dict[str, Any]:
    return loaded(text, name=f"<running {next(_NUMBERS)}>")


def running_of(text: str, *args: Array, right: Callable[..., Any] | None = None, **options: Any) -> Running:
    """A run of the function ``vjp`` of a text in two cases, not yet entered."""
    names = named(text)
    vjp = names["vjp"]
    args = args or (X,)
    others = tuple(each + 0.125 for each in args)
    samples = [sample(vjp, right or vjp, *each, **options) for each in (args, others)]
    asked = Loaded(names.get("forward", lambda *_: None), vjp, SentPattern(args, range(len(args))), np.dtype(float))
    return Running(asked, samples)


def view_of(running: Running) -> View:
    one, other = running.samples
    another = replace(one, cotangent=one.cotangent[::-1].copy())
    runs = [running.recorded(one), running.recorded(one, 2.0), running.recorded(other), running.recorded(another)]
    return View(running.sites, runs, one.cotangent)


def place_in(running: Running, text: str) -> Place:
    view = view_of(running)
    return next(each for each in [*view.places, *view.afters] if each.text == text)


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


SIMPLE = "def vjp(g, x):\n    h = g * x\n    return (h * 2.0,)\n"


def test_work_is_counted() -> None:
    """It is over behind the limit, not at it."""
    work = Work()
    work.add(3)
    work.add(4)
    assert (work.done, work.is_over(7), work.is_over(6.5)) == (7, False, True)


def test_functions_are_what_they_were_afterwards() -> None:
    """Also where the work inside ends with an exception, or cannot be begun."""
    running = running_of(SIMPLE)
    (source,) = running.sources
    before = source.function.__code__
    with running:
        assert source.function.__code__ is not before
    assert source.function.__code__ is before
    with pytest.raises(KeyError), running:
        raise KeyError
    assert source.function.__code__ is before
    running.sites[0].code = lambda *_, **__: 1 / 0  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        running.__enter__()
    assert source.function.__code__ is before


def test_without_source_nothing_runs() -> None:
    """There is nothing to edit."""
    names: dict[str, Any] = {}
    exec("def vjp(g, x):\n    return (g * x,)\n", names)  # noqa: S102 - code without a file
    with pytest.raises(NoSourceError):
        Running(Loaded(len, names["vjp"], SentPattern((X,), [0]), float), [sample(names["vjp"], names["vjp"], X)])


@pytest.mark.parametrize(
    ("returned", "shapes"),
    [
        ("(g, x)", [(2, 3), (2, 3)]), ("[g, x]", [(2, 3), (2, 3)]), ("(g, 1)", [(2, 3), ()]),
        ("(g, x, 'a')", [(2, 3), (2, 3)]),
        ("(g,)", None), ("g", None), ("None", None), ("(g, 'a')", None), ("(g, None)", [(2, 3), ()]),
        ("1 / 0", None), ("exit()", None),
        ("(g, [x, [1]])", None),
    ],
)  # fmt: skip
def test_answers(returned: str, shapes: list[tuple[int, ...]] | None) -> None:
    """The gradients of all arguments as doubles; none where there is no answer, whatever the code raises."""
    running = running_of("kind = 1\ndef vjp(g, x, y):\n    return (g, x) if kind else " + returned + "\n", X, X)
    (source,) = running.sources
    with quiet(), running:
        source.function.__globals__["kind"] = 0
        found = running.answers(running.samples[0])
    assert (None if found is None else [each.shape for each in found]) == shapes
    assert found is None or all(each.dtype == np.float64 for each in found)


def test_one_answer_may_stand_alone() -> None:
    """As that of the one argument."""
    running = running_of("def vjp(g, x):\n    return g * x if g[0, 0] else 0\n", right=lambda g, x: (g * x,))
    with running:
        found = running.answers(running.samples[0])
    assert found is not None
    assert np.array_equal(found[0], G * X)


def test_code_that_changes_what_it_is_given_changes_nothing() -> None:
    """Each run has copies of the cotangent and of the arguments."""
    running = running_of("def vjp(g, x):\n    g *= 2\n    x += 1\n    return (g * x,)\n", X.copy())
    with running:
        found = [running.answers(running.samples[0]) for _ in range(2)]
        twice = running.answers(running.samples[0], 2.0)
    assert found[0] is not None
    assert found[1] is not None
    assert twice is not None
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(twice[0], 2 * found[0][0])


def test_each_run_is_charged_what_the_recorded_one_takes() -> None:
    """More for calls, for loops, for large arrays, for products of them, and for the forward pass that comes first."""

    def steps(text: str, *args: Array) -> int:
        running = running_of(text, *args)
        with running:
            running.recorded(running.samples[0])
            before = running.work.done
            running.answers(running.samples[0])
        assert running.work.done - before == running.work.of_run
        return running.work.of_run

    plain = "def vjp(g, x):\n    return (x * 1.0,)\n"
    least = steps(plain)
    assert least > 10
    assert steps("def helper(x):\n    return x * 1.0\n\ndef vjp(g, x):\n    return (helper(x),)\n") > least + 5
    loop = "def vjp(g, x):\n    for i in range({}):\n        x = x * 1.0\n    return (x,)\n"
    assert steps(loop.format(20)) > steps(loop.format(10)) + 10
    large = np.ones((300, 300))
    assert steps(plain, large) > least + 27_000
    name = "def vjp(g, x):\n    return (x,)\n"
    assert steps(name) + 900 <= steps(name, large) < steps(plain, large) - 27_000
    forward = plain + "\ndef forward(x):\n    return abs(abs(abs(x)))\n"
    assert steps(forward) >= least + 3 * 5


def test_large_arrays_take_a_known_number_of_steps() -> None:
    """A step for each hundred entries, and more where the expression may be a product of matrices."""
    text, found = "def vjp(g, x):\n    return (x * 1.0,)\n", []
    for size in (1, 300):
        running = running_of(text, np.ones((size, size)))
        with running:
            running.needs_forward = False
            running.recorded(running.samples[0])
        found.append(running.work.of_run)
    assert found[1] - found[0] == 2 * 900 + 27_000


def test_the_cotangent_has_the_type_that_is_asked_for() -> None:
    """As in the examination."""
    names = named("def vjp(g, x):\n    return (np.full(x.shape, g.dtype.itemsize) * x,)\n")
    known = Loaded(lambda *_: None, names["vjp"], SentPattern((X,), [0]), np.dtype(np.float32))
    running = Running(known, [sample(names["vjp"], names["vjp"], X)])
    with running:
        found = running.answers(running.samples[0])
    assert found is not None
    assert np.array_equal(found[0], 4 * X)


def test_answers_without_numbers_may_be_the_same() -> None:
    """Code that gives the same in the same places does without the forward pass."""
    running = running_of("def vjp(g, x):\n    return (g * np.nan + x,)\n")
    with running:
        assert running.does_without_forward()


def test_the_forward_pass_is_left_out_where_the_answers_stay_the_same() -> None:
    """Code that uses what it keeps needs one before; then nothing is spared."""
    kept = "kept = []\ndef forward(x):\n    kept[:] = [x * 2]\ndef vjp(g, x):\n    return (g * kept[0],)\n"
    names = named(kept)
    names["forward"](X)
    samples = []
    for case in (X, X + 1):
        names["forward"](case)
        samples.append(sample(names["vjp"], names["vjp"], case))
    running = Running(Loaded(names["forward"], names["vjp"], SentPattern((X,), [0]), np.dtype(float)), samples)
    with running:
        assert running.needs_forward
        running.recorded(samples[0])
        first = running.work.of_run
        assert not running.does_without_forward()
        assert running.needs_forward
    other = running_of(SIMPLE + "\ndef forward(x):\n    return abs(abs(x))\n")
    with other:
        other.recorded(other.samples[0])
        first = other.work.of_run
        assert other.does_without_forward()
        assert not other.needs_forward
        other.recorded(other.samples[0])
        assert 10 < other.work.of_run <= first - 5 * 3
    plain = running_of(SIMPLE)
    with plain:
        assert plain.does_without_forward()
        plain.recorded(plain.samples[0])
    assert plain.work.of_run == other.work.of_run


def test_what_expressions_come_to_with_something_added() -> None:
    """Each time that a place in a loop is computed it gets its own part, and what follows it is recorded so."""
    text = "def vjp(g, x):\n    d = 0 * x\n    for i in range(2):\n        d[i] = g[i] * x[i]\n    return (d * 2.0,)\n"
    running = running_of(text)
    given = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    with quiet(), running:
        place = place_in(running, "g[i] * x[i]")
        before = running.work.done
        state = running.corrected(running.samples[0], 2.0, place, b.plus_given(place.expression), given)
        assert running.work.done > before + 40 * len(running.sources[0].parents)
        (number,) = [n for n, node in running.sites[0].expressions.items() if ast.unparse(node) == "d * 2.0"]
        after = running.answers(running.samples[0])
    assert np.allclose(state.values[number], 2.0 * (2.0 * G * X + given))
    assert after is not None
    assert np.allclose(after[0], 2.0 * G * X)


@pytest.mark.parametrize(
    ("text", "part", "new", "factor"),
    [
        (SIMPLE, "h", "h * 3.0", 3.0), (SIMPLE, "2.0", "1.0", 0.5), (SIMPLE, "g * x", "g * x * g.size", 6.0),
        ("def vjp(g, x):\n    h = [a * 1.0 for a in g]\n    return (np.stack(h) * x * 2,)", "a * 1.0", "a * 4.0", 4.0),
        ("def vjp(g, x):\n    h = (lambda a: a * 1.0)(g)\n    return (h * x * 2.0,)\n", "a * 1.0", "a * 4.0", 4.0),
    ],
)  # fmt: skip
def test_an_edit_of_an_expression(text: str, part: str, new: str, factor: float) -> None:
    """While it is made the code runs with it, in a comprehension or lambda too, and never afterwards."""
    running = running_of(text)
    with running:
        place = place_in(running, part)
        before = running.work.done
        with running.edited(Edit(place, "scaled", 1.0, expression(new), steps=7)) as done:
            assert done
            assert running.work.done >= before + 40
            inside = running.answers(running.samples[0])
        outside = running.answers(running.samples[0])
        taken = []
        for more in (0, 7):
            before = running.work.done
            with running.edited(Edit(place, "scaled", 1.0, expression(new), steps=more)):
                taken.append(running.work.done - before)
    assert taken[1] - taken[0] == (0 if place.is_nested else 7)
    assert inside is not None
    assert outside is not None
    assert np.allclose(inside[0], factor * 2.0 * G * X)
    assert np.allclose(outside[0], 2.0 * G * X)


def test_edits_of_statements_and_several_at_once() -> None:
    """All in one function; those of expressions among them."""
    running = running_of("def vjp(g, x):\n    h = g * x\n    h += 1.0\n    return (h * 2.0,)\n")
    with running:
        view = view_of(running)
        added = next(each for each in view.statements() if isinstance(each.node, ast.AugAssign))
        two = next(each for each in view.places if each.text == "2.0")
        edits = [
            Edit(added, "extra-term", 1.0, None, {added.node: ast.Pass()}),
            Edit(two, "scaled", 1.0, expression("3.0")),
        ]
        for chosen, due in (
            (edits[:1], 2 * G * X),
            (edits[1:], 3 * (G * X + 1)),
            (edits, 3 * G * X),
            (edits[::-1], 3 * G * X),
        ):
            with running.edited(*chosen) as done:
                assert done
                found = running.answers(running.samples[0])
            assert found is not None
            assert np.allclose(found[0], due)
        found = running.answers(running.samples[0])
    assert found is not None
    assert np.allclose(found[0], 2 * (G * X + 1))


def deep() -> ast.expr:
    node = expression("x")
    for _ in range(5000):
        node = ast.UnaryOp(ast.USub(), node)
    return node


@pytest.mark.parametrize(
    "new",
    [deep, lambda: ast.Name("x", ast.Store()), lambda: ast.Constant(value=object()),
     lambda: ast.BinOp(None, ast.Add(), None),
     lambda: ast.Name("None", ast.Load()), lambda: ast.Yield(ast.Starred(expression("x"), ast.Load()))],
    ids=["too deep", "a store", "an object", "nothing", "a keyword", "no expression"],
)  # fmt: skip
def test_an_edit_that_is_no_code_is_left_out(new: Callable[[], Any]) -> None:
    """Whatever Python raises where it compiles it, as an expression or as a part of the function."""
    running = running_of(SIMPLE)
    with running:
        place = place_in(running, "h")
        for edit in (Edit(place, "sign", 1.0, new()), Edit(place, "sign", 1.0, None, {place.node: new()})):
            with running.edited(edit) as done:
                assert not done
        found = running.answers(running.samples[0])
    assert found is not None
    assert np.allclose(found[0], 2 * G * X)


def test_an_edit_knows_the_names_of_its_module_and_of_its_place() -> None:
    """Those of the function it stands in."""
    running = running_of(
        "k = 5.0\ndef helper(x):\n    y = x * 2.0\n    return y\n\ndef vjp(g, x):\n    return (helper(g) * x,)\n"
    )
    with running:
        place = place_in(running, "x * 2.0")
        with running.edited(Edit(place, "scaled", 1.0, expression("x * k"))) as done:
            found = running.answers(running.samples[0])
    assert done
    assert found is not None
    assert np.allclose(found[0], 5.0 * G * X)


def test_a_loop_that_an_edit_makes_endless_is_ended() -> None:
    """Then there is no answer."""
    running = running_of("def vjp(g, x):\n    n = 3\n    while n > 0:\n        n -= 1\n    return (g * x,)\n")
    with running:
        place = place_in(running, "n > 0")
        running.state.most_ticks = 50
        with running.edited(Edit(place, "sign", 1.0, expression("n > -9"))):
            assert running.answers(running.samples[0]) is not None
        with running.edited(Edit(place, "sign", 1.0, expression("True"))):
            assert running.answers(running.samples[0]) is None
        assert running.answers(running.samples[0]) is not None


def test_edited_code_complains_to_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither warnings nor printed text come through, and numpy's settings are what they were."""
    before = np.geterr()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet():
            print("loud")  # noqa: T201 - what is tested
            print("loud", file=sys.stderr)  # noqa: T201
            warnings.warn("loud", stacklevel=1)
            assert np.isinf(np.ones(1) / np.zeros(1)).all()
    assert (caught, capsys.readouterr(), np.geterr()) == ([], ("", ""), before)


def test_edits_that_are_apart() -> None:
    """In one function, neither inside the other, by the place or by what is replaced."""
    running = running_of(
        "def helper(x):\n    return x * 3.0\n\ndef vjp(g, x):\n    h = g * x\n    return (h * 2.0 + helper(h),)\n"
    )
    with running:
        view = view_of(running)
    place = {each.text: each for each in view.places}
    edit = {text: Edit(each, "sign", 1.0, expression("x")) for text, each in place.items()}
    assert are_apart(edit["g * x"], edit["2.0"])
    assert not are_apart(edit["g * x"], edit["x"]) or not are_apart(edit["g * x"], edit["g"])
    assert not are_apart(edit["g"], edit["g * x"])
    assert not are_apart(edit["g * x"], edit["x * 3.0"])
    assert not are_apart(edit["2.0"], edit["2.0"])
    other = Edit(place["2.0"], "sign", 1.0, None, {place["g"].node: expression("x")})
    assert not are_apart(other, edit["g * x"])
    assert not are_apart(edit["g"], other)
