"""What a caller of `check_vjp` gives, or a file declares: each part is taken as it is meant, or refused by its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.gradients import declaration, staircases
from reference.gradients.arguments import EVERYWHERE, in_shapes, is_interval, pattern
from reference.gradients.declaration import DeclarationError, Declared
from reference.numerics import function_tolerances

pytestmark = pytest.mark.catalogue

X, W, WHOLE = np.array([1.0, 2.0]), np.array([[3.0, 4.0]], np.float32), np.arange(3)


@pytest.mark.parametrize(("args", "options", "error", "said"), [
    ((), {}, ValueError, "args: expected at least one argument to call forward with, got none"),
    ((WHOLE,), {}, ValueError, r"args: .* got int64 of shape \(3,\)"),
    ((WHOLE, WHOLE), {}, ValueError, r"args: .* got int64 of shape \(3,\), int64 of shape \(3,\)"),
    ((X, W), {"domain": (9, 0.5)}, ValueError, r"domain\[0\]: expected low < high, got \(9.0, 0.5\)"),
    ((np.zeros(0),), {}, ValueError, r"args: .* got float64 of shape \(0,\)"),
    (([[1.0], [2.0, 3.0]],), {}, TypeError, r"args\[0\]: .* got list"),
    ((X, X.astype(complex)), {}, TypeError, r"args\[1\]: .* got ndarray of dtype complex128"),
    ((X.astype(np.float16),), {}, TypeError, r"args\[0\]: .* got ndarray of dtype float16"),
    ((X,), {"legal": 3}, TypeError, "legal: expected a function, got int"),
    ((X,), {"draw": 3}, TypeError, "draw: expected a function, got int"),
    ((X, W), {"fixed": (0, 1)}, ValueError, r"fixed: .* got \[0, 1\]"),
    ((X, W), {"fixed": (2,)}, ValueError, "fixed: expected numbers from 0 to 1, got 2"),
    ((X, W), {"fixed": (-1,)}, ValueError, "fixed: .* got -1"),
    ((X, W), {"fixed": (True,)}, ValueError, "fixed: .* got True"),
    ((X, W), {"fixed": "01"}, TypeError, "fixed: .* got str"),
    ((X, W), {"fixed": 0.5}, TypeError, "fixed: .* got float"),
    ((np.array([1.0, np.inf]),), {}, ValueError, r"args\[0\]: expected finite numbers, got inf"),
    ((X, W), {"domain": [None, (0, 4)]}, ValueError, r"args\[1\]: .* interval \(0.0, 4.0\), got 4.0"),
    ((X,), {"domain": [(1, None)]}, ValueError, r"args\[0\]: .* interval \(1.0, inf\), got 1.0"),
    ((X,), {"legal": lambda x: False}, ValueError, "args: .* legal"),
    ((X, W), {"domain": [None]}, ValueError, "domain: .* each of the 2 arguments, got 1"),
    ((X,), {"domain": "ab"}, TypeError, "domain: .* got str"),
    ((X,), {"domain": 3}, TypeError, "domain: .* got int"),
    ((X,), {"domain": [(2, 2)]}, ValueError, r"domain\[0\]: expected low < high, got \(2.0, 2.0\)"),
    ((X, W), {"domain": [None, (1, 2, 3)]}, TypeError, r"domain\[1\]: .* got \(1, 2, 3\)"),
    ((X,), {"domain": [("a", None)]}, TypeError, r"domain\[0\]: "),
])  # fmt: skip
def test_what_cannot_be_judged_is_refused(args: Any, options: Any, error: type[Exception], said: str) -> None:
    """By the name of the argument, with what was expected and what came."""
    with pytest.raises(error, match=f"^{said}"):
        pattern(args, options.pop("domain", None), **options)


def test_a_pattern_holds_what_is_given() -> None:
    """Copies of the arrays, an interval for each, and which of them have a gradient."""
    found = pattern((X, WHOLE, W, [1.0]), [(0, None), None, (None, 9), None], fixed=3)
    assert found.differentiable == (0, 2)
    assert found.domain == ((0.0, np.inf), EVERYWHERE, (-np.inf, 9.0), EVERYWHERE)
    assert found.fixed == frozenset({3})
    assert found.args[0] is not X
    assert [type(each) for each in pattern((np.ma.array([1.0]),), None).args] == [np.ndarray]
    assert [each.tolist() for each in found.floats(found.args)] == [X.tolist(), W.tolist()]
    replaced = found.with_floats([X + 1, W + 1])
    assert [each.tolist() for each in replaced] == [[2, 3], [0, 1, 2], [[4, 5]], [1]]
    assert pattern((X, W), (0.5, 9)).domain == ((0.5, 9.0), (0.5, 9.0))
    assert not pattern((np.ones(5000),), None).is_large
    assert pattern((np.ones(5001),), None).is_large
    assert not pattern((X, np.ones(9999)), None, fixed=(1,)).is_large


def test_legal_arguments_are_inside_their_domains_and_what_the_caller_says() -> None:
    """The predicate gets copies."""

    def legal(x: Any) -> Any:
        total = x.sum()
        x[...] = 0
        return total < 4

    found = pattern((X,), [(0, 9)], legal=legal)
    for x, is_legal in ((X, True), (2 * X, False), (X - 1, False), (X - 2, False), (9 * X, False)):
        before = x.copy()
        assert found.is_legal((x,)) is is_legal
        assert (x == before).all()


@pytest.mark.parametrize(("args", "fixed", "drawn", "due"), [
    ((X,), (), [5.0, 6.0], [[5, 6]]), ((X,), (), (np.array([5.0, 6.0]),), [[5, 6]]),
    ((X, WHOLE), (), (X + 1, WHOLE + 1), [[2, 3], [1, 2, 3]]), ((X, WHOLE), (1,), [X + 1, None], [[2, 3], [0, 1, 2]]),
])  # fmt: skip
def test_what_the_caller_draws_has_the_given_types(args: Any, fixed: Any, drawn: Any, due: Any) -> None:
    """One argument alone, or in a tuple; the fixed ones stay as they are given."""
    found = pattern(args, None, fixed=fixed, draw=lambda rng: drawn).drawn(np.random.RandomState(0))
    assert [each.tolist() for each in found] == due
    assert [each.dtype for each in found] == [each.dtype for each in args]
    plain = pattern(args, None, fixed=fixed)
    assert all(map(np.array_equal, plain.drawn(np.random.RandomState(0)), plain.args))


def test_what_is_drawn_in_another_shape_is_refused() -> None:
    """By the number of arguments, or the argument and both shapes."""
    rng = np.random.RandomState(0)
    with pytest.raises(ValueError, match=r"^draw: expected 2 arguments, got 1"):
        pattern((X, W), None, draw=lambda rng: X).drawn(rng)
    with pytest.raises(ValueError, match=r"^draw: expected args\[1\] of shape \(1, 2\), got \(2,\)"):
        pattern((X, W), None, draw=lambda rng: (X, X)).drawn(rng)


def test_a_row_is_parted_into_shapes() -> None:
    """Views, in order, of axes or none."""
    row = np.arange(5.0)
    parts = in_shapes(row, [(2,), (), (1, 2)])
    assert [each.tolist() for each in parts] == [[0, 1], 2, [[3, 4]]]
    parts[0][0] = 7
    assert row[0] == 7


@pytest.mark.parametrize(("domain", "is_one"), [
    ((0, 1), True), ([0.5, np.inf], True), ((0, 1, 2), False), ([(0, 1), None], False), ("ab", False),
    ((0, None), False),
])  # fmt: skip
def test_an_interval_is_a_pair_of_numbers(domain: Any, is_one: bool) -> None:
    """And no entry for each of two arguments."""
    assert is_interval(domain) is is_one


@pytest.mark.parametrize(("function", "steps"), [
    (np.floor, True), (np.rint, True), (lambda x: np.floor(8 * x) / 8, True), (np.sin, False), (np.exp, False),
    (lambda x: 0 * x, False), (lambda x: x**3, False), (np.abs, False),
])  # fmt: skip
def test_steps_of_a_function_are_found(function: Any, steps: bool) -> None:
    """Along a line through ordinary numbers; a smooth function has none, however steep."""
    assert staircases.has_steps(function, [np.zeros(3)]) is steps


def test_steps_are_looked_for_along_a_line() -> None:
    """From ordinary numbers on, each of which is moved by its own part, and nearer and nearer to the largest change."""
    seen: list[Any] = []
    for _ in range(2):
        assert staircases.has_steps(
            lambda x, y: (seen.append(x.copy()), np.floor(x) + 0 * y.sum())[1], [np.zeros(3), np.zeros(2)]
        )
    first, again = np.split(np.array(seen), 2)
    assert np.array_equal(first, again)
    line = first[: function_tolerances.STAIRCASE_PLACES]
    moves = line[-1] - line[0]
    assert np.allclose(line, np.linspace(line[0], line[-1], len(line)))
    assert ((moves >= 1.0) & (moves <= 3.0)).all()
    assert len(np.unique(moves.round(6))) == 3
    assert (np.abs(line[0]) < 5).all()
    assert len(first) == function_tolerances.STAIRCASE_PLACES + 2 + function_tolerances.STAIRCASE_HALVINGS
    assert np.abs(first[-1] - first[-2]).max() < 1e-6


@pytest.mark.parametrize("far", [np.nan, np.inf])
def test_what_is_not_finite_is_no_step(far: float) -> None:
    """It counts as 0, as it does everywhere along the line."""
    assert not staircases.has_steps(lambda x: np.where(x > -99, far, x), [np.zeros(3)])
    assert not staircases.has_steps(lambda x: x[:0], [np.zeros(3)])
    assert not staircases.has_steps(lambda x: np.where(x > 0, far, 0.0), [np.zeros(3)])


SOURCE = """
import numpy as np
from numpy import tanh as imported, cos
tanh_args = (np.array([0.5]),)
def tanh(x): return np.tanh(x)
def tanh_vjp(c, x): return (c,)
tanh_domain = [(0, None)]
class other: pass
other_vjp = other_args = other
third_args: tuple = ()
third: object = 3
def third_vjp(c): return ()
def third_spec(): return 0
def alone(x): return x
"""


def test_a_file_declares_functions_by_names() -> None:
    """In order, with the companions that are there; or the only one that is asked for."""
    assert declaration.declared(SOURCE) == [
        Declared("tanh", has_spec=False, has_domain=True), Declared("other", has_spec=False, has_domain=False),
        Declared("third", has_spec=True, has_domain=False),
    ]  # fmt: skip
    assert [each.name for each in declaration.declared(SOURCE, "third")] == ["third"]
    for wanted, said in (("alone", "alone_vjp"), ("nowhere", "nowhere_vjp")):
        with pytest.raises(DeclarationError, match=said):
            declaration.declared(SOURCE, wanted)
    with pytest.raises(
        DeclarationError, match="judge: expected a function NAME and its gradient NAME_vjp, with NAME_args"
    ):
        declaration.declared("x = 1")
    with pytest.raises(DeclarationError, match="expected f_args"):
        declaration.declared("f = f_vjp = 1")
    with pytest.raises(DeclarationError, match="no Python"):
        declaration.declared("def f(:")
    left = declaration.without_gradients(SOURCE)
    assert "def tanh(x)" in left
    assert "third_spec" in left
    assert not any(name in left for name in ("tanh_vjp", "other_vjp", "third_vjp"))


def test_the_sandbox_has_a_class_for_each_function(tmp_path: Any) -> None:
    """Whose methods call the function or its definition, its gradient, its arguments and its domain."""
    functions = [Declared("f", has_spec=True, has_domain=True), Declared("g", has_spec=False, has_domain=False)]
    module = type("module", (), {
        "f": lambda x: x + 1, "f_spec": lambda x: x + 2, "f_vjp": lambda c, x: (c * x,), "f_args": [3],
        "f_domain": (4,),
        "g": lambda x: x - 1, "g_vjp": lambda c, x: (c,), "g_args": (5,),
    })  # fmt: skip
    for spec, due in ((False, 11), (True, 12)):
        text = declaration.wrapper("given", functions, spec=spec).replace("import given as _module\n", "")
        seen: Any = {"_module": module}
        exec(text, seen)  # noqa: S102 - our own text
        one = seen[declaration.class_name("f")]()
        assert one.forward(10) == due
        assert (one.vjp(2, 3), one.args(), one.domain()) == ((6,), (3,), [4])
    text = declaration.wrapper("given", functions).replace("import given as _module\n", "")
    seen = {"_module": module}
    exec(text, seen)  # noqa: S102 - our own text
    other = seen[declaration.class_name("g")]()
    assert (other.forward(10), other.args(), other.domain()) == (9, (5,), None)
    assert declaration.gradient_name("f") == "f_vjp"
    path = tmp_path / "f.py"
    path.write_bytes(b"\xef\xbb\xbfx = 1")
    assert declaration.read(path) == "x = 1"
    path.write_bytes(b"\xff\xfe")
    for unreadable in (path, tmp_path / "none.py"):
        with pytest.raises(DeclarationError, match="cannot be read"):
            declaration.read(unreadable)
