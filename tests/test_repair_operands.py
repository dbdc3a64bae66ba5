"""What a missing term can be made of: each operand has the values of its code, and reaches the shape that is asked."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.repair import operands as module
from reference.gradients.repair.operands import Case, Operand, Operands, operands
from reference.gradients.repair.running import quiet
from reference.gradients.repair.view import Part
from tests.repair_views import code

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
CASES = ((0, 0), (1, 0))
#: By name: the values in two cases. None is the same as another, nor a multiple of one.
VALUES: dict[str, tuple[Any, Any]] = {
    name: tuple(np.random.RandomState(3 * number + case).uniform(0.1, 0.9, shape) for case in (0, 1))  # type: ignore[misc]
    for number, (name, shape) in enumerate({
        "x": (3, 4), "y": (3, 4), "w": (4, 2), "h": (3, 2), "s": (3, 3), "u": (3,), "v": (4,), "c": (2, 3, 4),
        "e": (2, 4), "r": (1, 4), "a": (), "o": (1, 1), "b": (2, 2),
    }.items())
} | {
    "g": (np.arange(12.0).reshape(3, 4) ** 2 - 50, np.sqrt(np.arange(12.0)).reshape(3, 4)),
    "q": (np.arange(6.0).reshape(3, 2) ** 3 + 7, np.sqrt(np.arange(6.0) + 1).reshape(3, 2)),
    "at": (np.array([0, 2, 1, 2]),) * 2, "to": (np.array([1, 0, 1]),) * 2, "below": (np.array([0, -1, 1]),) * 2,
    "n": (2, 2), "nothing": (np.zeros((3, 4)),) * 2, "ones": (np.ones((3, 4)),) * 2, "text": ("a", "b"),
    "lost": (None, None), "late": (np.ones(3), None), "wide": (np.ones(3), np.ones(4)), "none": (np.zeros((0, 4)),) * 2,
    "far": (np.array([0.5, np.nan, 1.0]),) * 2, "empty": (np.zeros(0, dtype=int),) * 2,
    "z": (np.arange(12.0).reshape(3, 4) * 1j, np.ones((3, 4)) + 0j),
    "twice": (2 * np.arange(12.0).reshape(3, 4), np.arange(12.0).reshape(3, 4)),
}  # fmt: skip
CONSTANT = {"at", "to", "below", "n", "nothing", "ones", "text", "empty", "none", "far"}
COTANGENT = {"g", "q"}


def parts(names: str) -> list[Part]:
    """What is at hand, by name; a name with a star is an expression."""
    return [
        Part(ast.Name(name, ast.Load()), VALUES[name], name not in CONSTANT, name in COTANGENT, is_plain=name == each)
        for each in names.split()
        for name in [each.removesuffix("*")]
    ]


def made(names: str, shape: tuple[int, ...], degree: int = 0) -> Operands:
    return of(parts(names), CASES, shape, degree)


def of(at_hand: list[Part], cases: tuple[Case, ...], shape: tuple[int, ...], degree: int) -> Operands:
    with quiet():
        return operands(at_hand, cases, shape, degree)


def by_code(found: Operands) -> dict[str, Operand]:
    return {code(each.node): each for each in found.all}


#: What is at hand, the shape of the place, how often the cotangent stands in products, what is due and what is not.
ROWS: list[tuple[str, tuple[int, ...], int, list[str], list[str]]] = [
    # As it stands, turned, and with new axes.
    ("x v u", (3, 4), 0, ["x", "v", "u[:, None]"], ["v[:, None]", "u", "x.T", "v[None, :]"]),
    ("x u", (4, 3), 0, ["x.T", "u"], ["x", "u[:, None]"]),
    ("s", (3, 3), 0, ["s", "s.T"], ["s[:, :]"]),
    ("u", (3, 3), 0, ["u", "u[:, None]"], ["u[None, :]"]),
    ("u e r", (2, 3, 4), 0, ["u[None, :, None]", "e[:, None, :]", "r"],
     ["u", "e", "u[:, None, None]"]),
    ("r", (3, 1, 4), 0, ["r", "r[:, None, :]"], ["r[:, :, None]"]),
    ("c", (3, 4), 0, ["np.sum(c, axis=(0,), keepdims=False)"], ["c"]),
    ("a", (3,), 0, ["a"], ["np.sum(a, axis=(), keepdims=True)"]),
    ("a", (), 0, ["a", "np.cos(a)"], []),
    ("o", (3, 4), 0, ["o"], ["np.sum(o, axis=(0,), keepdims=True)"]),
    # Sums.
    ("x", (3, 1), 0, ["np.sum(x, axis=(1,), keepdims=True)"], ["np.sum(x, axis=(0,), keepdims=True)", "x"]),
    ("x", (4,), 0, ["np.sum(x, axis=(0,), keepdims=False)"], ["np.sum(x, axis=(0,), keepdims=True)"]),
    ("x", (3, 4), 0, ["np.sum(x, axis=(0,), keepdims=True)", "np.sum(x, axis=(1,), keepdims=True)",
                      "np.sum(x, axis=(0, 1), keepdims=True)"], ["np.sum(x, axis=(0, 1), keepdims=False)"]),
    ("x", (), 0, ["np.sum(x, axis=(0, 1), keepdims=False)"], ["np.sum(x, axis=(0,), keepdims=False)"]),
    ("c", (3,), 0, ["np.sum(c, axis=(0, 2), keepdims=False)"], ["np.sum(c, axis=(1, 2), keepdims=False)"]),
    ("v", (3, 4), 0, ["v", "np.sum(v, axis=(0,), keepdims=True)"], []),
    ("b", (2, 1), 0, ["np.sum(b, axis=(1,), keepdims=True)"], []),
    # Functions.
    ("n g x", (3, 4), 0, ["np.cos(x)"], ["np.cos(g)"]),
    ("x g", (3, 4), 0, [
        "1 - x", "1 + x", "1 - x ** 2", "1 + x ** 2", "np.cos(x)", "np.sin(x)", "np.exp(x)", "np.tanh(x)", "np.log(x)",
        "np.cosh(x)",
    ], ["np.cos(g)", "1 - g", "np.sum(np.cos(x), axis=(0,), keepdims=True)"]),
    ("twice", (3, 4), 0, ["np.exp(twice)"], ["np.log(twice)"]),
    ("u", (3, 4), 0, ["np.cos(u)[:, None]"], ["np.cos(u)"]),
    # Matrix products, and products that are summed.
    ("h w", (3, 4), 0, ["h @ w.T"], ["w @ h.T", "h @ w"]),
    ("h w", (4, 3), 0, ["w @ h.T"], ["h @ w.T"]),
    ("x h", (4, 2), 0, ["x.T @ h"], ["h.T @ x"]),
    ("x q", (4, 2), 0, [], ["x.T @ q"]),
    ("x q", (4, 2), 1, ["x.T @ q"], []),
    ("g q", (4, 2), 1, [], ["g.T @ q"]),
    ("x h", (4, 2), 1, [], ["x.T @ h"]),
    ("x v", (3,), 0, ["x @ v"], ["v @ x"]),
    ("x v", (3, 4), 0, ["(x @ v)[:, None]"], []),
    ("x u", (2, 4), 0, ["x.T @ u"], ["u @ x"]),
    ("u s", (3, 2), 0, ["(u @ s)[:, None]"], []),
    ("v a", (), 0, [], ["v @ v"]),
    ("x y", (3, 1), 0, ["np.sum(x * y, axis=(1,), keepdims=True)"], ["np.sum(y * x, axis=(1,), keepdims=True)"]),
    ("x y", (4,), 0, ["np.sum(x * y, axis=(0,), keepdims=False)"], ["np.sum(x * x, axis=(0,), keepdims=False)"]),
    ("x g", (3, 1), 1, ["np.sum(x * g, axis=(1,), keepdims=True)"], []),
    ("x g", (3, 1), 0, [], ["np.sum(x * g, axis=(1,), keepdims=True)"]),
    ("x w", (3, 1), 0, [], ["np.sum(x * w, axis=(1,), keepdims=True)"]),
    # By indices.
    ("v at", (4,), 0, ["v[at]"], ["np.eye(2)[at].T @ v"]),
    ("v at", (3,), 0, ["np.eye(3)[at].T @ v"], ["v[at]"]),
    ("v at", (2,), 0, [], ["np.eye(2)[at].T @ v"]),
    ("w at", (3, 2), 0, ["np.eye(3)[at].T @ w"], ["w[at]"]),
    ("w at", (4, 2), 0, ["w[at]"], []),
    ("w at", (3, 4), 0, [], ["np.eye(3)[at].T @ w"]),
    ("u to", (3,), 0, ["u[to]"], []),
    ("h to", (2, 2), 0, ["np.eye(2)[to].T @ h"], ["h[to]"]),
    ("v at", (3, 1), 0, [], ["np.sum(v[at], axis=(0,), keepdims=True)"]),
    ("v at", (), 0, [], ["np.sum(v[at], axis=(0,), keepdims=False)"]),
    ("a v at", (4,), 0, ["v[at]", "at"], []),
    ("u below", (3,), 0, ["u"], ["u[below]"]),
    ("u empty", (3,), 0, ["u"], ["u[empty]"]),
    ("u at*", (4,), 0, [], ["u[at]"]),
    ("a at", (4,), 0, ["a"], ["a[at]"]),
    ("x to", (3, 4), 0, ["np.eye(4)[to]"], []),
    ("x at", (4, 2), 0, [], ["np.eye(2)[at]"]),
    ("x below", (3, 4), 0, [], ["np.eye(4)[below]"]),
    # What is left out.
    ("x z", (3, 4), 0, ["x"], ["z"]),
    ("x nothing ones n text lost late wide far", (3, 4), 0, ["x"],
     ["nothing", "ones", "n", "text", "lost", "late", "wide", "far", "x @ n"]),
    ("none", (3, 4), 0, [], ["none"]),
]  # fmt: skip


@pytest.mark.parametrize(("names", "shape", "degree", "due", "undue"), ROWS)
def test_what_reaches_a_shape(
    names: str, shape: tuple[int, ...], degree: int, due: list[str], undue: list[str]
) -> None:
    """Parts as they stand, turned, summed or multiplied; and nothing that another shape would need."""
    found = by_code(made(names, shape, degree))
    assert set(due) <= set(found)
    assert set(found).isdisjoint(undue)


@pytest.mark.parametrize(
    ("names", "shape", "degree"),
    [
        ("x y w h u v a at to r", (3, 4), 0),
        ("x g q h w v", (4, 2), 1),
        ("c x u v e", (2, 3, 4), 0),
        ("x u v s", (3,), 0),
        ("x y g v", (3, 1), 1),
        ("a x", (), 0),
    ],
)
def test_the_values_are_those_of_the_code(names: str, shape: tuple[int, ...], degree: int) -> None:
    """Whatever is made, in each case; laid along the shape of the place, and all of one degree, cost and dependence."""
    found = made(names, shape, degree)
    assert found.arrays.shape == (len(found.all), 2 * int(np.prod(shape)))
    assert 0 < found.simple <= len(found.all)
    for row, each in zip(found.arrays, found.all, strict=True):
        laid = row.reshape(2, *shape)
        for case, value, at in zip((0, 1), each.values, laid, strict=True):
            known = {name: VALUES[name][case] for name in names.split()}
            computed = eval(code(each.node), {"np": np}, known)  # noqa: S307 - what was made
            assert np.allclose(value, computed, rtol=1e-12, atol=0)
            assert np.shape(computed) == each.shape
            assert np.allclose(at, np.broadcast_to(computed, shape), rtol=1e-12, atol=0)
        used = [
            name for name in names.split() if name in {n.id for n in ast.walk(each.node) if isinstance(n, ast.Name)}
        ]
        assert each.degree == sum(code(each.node).count(name) for name in used if name in COTANGENT)
        assert each.varies == (not CONSTANT.issuperset(used))
        assert each.cost >= len(used) - 0.7 * len(CONSTANT.intersection(used))
        assert each.cost < 4


def test_parts_as_they_stand_come_first() -> None:
    """They are counted, sums of them and what is taken of them by an index too; all others come behind."""
    found = made("x v at", (3, 4))
    simple = {code(each.node) for each in found.all[: found.simple]}
    assert {"x", "v", "np.sum(x, axis=(1,), keepdims=True)"} <= simple
    assert simple.isdisjoint({"np.cos(x)", "1 - x", "(x @ v)[:, None]"})
    assert code(found.all[0].node) == "x"


def test_of_what_is_the_same_the_first_is_kept() -> None:
    """A multiple counts as the same: the constant is found besides."""
    one, two = np.arange(3.0) / 10, np.arange(3.0) / 10 + 0.1
    first = Part(ast.Name("one", ast.Load()), (one, two), True, False)
    second = Part(ast.Name("two", ast.Load()), (2 * one, 2 * two), True, False)
    third = Part(ast.Name("three", ast.Load()), (2 * one, two), True, False)
    found = by_code(of([first, second, third], CASES, (3,), 0))
    assert {"one", "three"} <= set(found)
    assert "two" not in found


def test_what_code_costs() -> None:
    """A part that is an expression takes more code than a name, and what is made of parts more than they."""
    found = by_code(made("x y* u at w", (3, 4)))
    assert found["x"].cost < found["y"].cost < found["x"].cost + 0.5
    assert found["x"].cost < found["u[:, None]"].cost < found["1 - x"].cost < found["np.cos(x)"].cost < 1.8
    assert found["1 - x"].cost < found["1 - x ** 2"].cost < found["1 + x ** 2"].cost
    assert found["1 + x ** 2"].cost < 2
    assert by_code(made("x", (4, 3)))["x.T"].cost < 1.5
    assert by_code(made("h w", (3, 4)))["h @ w.T"].cost < 2.5
    pair = by_code(made("x y u", (3, 1)))["np.sum(x * y, axis=(1,), keepdims=True)"]
    assert 2 < pair.cost < 3


def test_there_are_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there is time for, the simple ones among them; of pairs those of the first parts."""
    monkeypatch.setattr(module, "_MOST", 4)
    found = made("x v", (3, 4))
    assert len(found.all) == len(found.arrays) == 4
    assert code(found.all[0].node) == "x"
    monkeypatch.setattr(module, "_MOST", 600)
    monkeypatch.setattr(module, "_MOST_OF_PAIRS", 2)
    monkeypatch.setattr(module, "_MOST_OF_SHAPE", 1)
    texts = set(by_code(made("h w x y u v", (3, 4))))
    assert {"h @ w.T", "np.sum(x * y, axis=(1,), keepdims=True)"} & texts == {"h @ w.T"}
    monkeypatch.setattr(module, "_MOST_OF_SHAPE", 2)
    texts = set(by_code(made("h w x y u v", (3, 4))))
    assert {"h @ w.T", "np.sum(x * y, axis=(1,), keepdims=True)"} <= texts


def test_nothing_at_hand_is_no_operand() -> None:
    """For any shape, and for a place that is computed in no case."""
    for shape in [(3, 4), (), (0,)]:
        found = of([], CASES, shape, 0)
        assert found.all == []
        assert found.simple == 0
        assert found.arrays.shape == (0, 2 * int(np.prod(shape)))


def test_values_are_taken_in_the_run_and_turn_of_each_case() -> None:
    """A part that has no value in one of them is not at hand."""
    one, two = np.arange(3.0), np.arange(3.0) ** 2
    turned = Part(ast.Name("p", ast.Load()), (one, two), True, False, turns=((one, one + 1), (two, two + 2)))
    once = Part(ast.Name("q", ast.Load()), (one, two), True, False, turns=((one,), (two,)))
    found = by_code(of([turned, once], ((0, 0), (0, 1), (1, 1)), (3,), 0))
    assert [each.tolist() for each in found["p"].values] == [[0, 1, 2], [1, 2, 3], [2, 3, 6]]
    assert "q" not in found
