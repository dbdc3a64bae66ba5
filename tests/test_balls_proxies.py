"""What a function on balls sees in place of numpy, math, scipy and float."""

from __future__ import annotations

import math
import sys
import types
from typing import Any

import numpy as np
import pytest

flint = pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")

from reference.numerics.balls import Refused, proxies  # noqa: E402
from reference.numerics.balls.array import BallArray, balls, plain  # noqa: E402
from reference.numerics.balls.proxies import MATH, NUMPY, AnyFloat, AnyFloat64, Proxy  # noqa: E402
from reference.numerics.balls.scalar import Ball, enclosed  # noqa: E402
from reference.numerics.balls.tape import recording  # noqa: E402
from reference.numerics.oracles.ball import precision  # noqa: E402

X = np.array([0.5, -1.25, 2.0])


@pytest.mark.parametrize("kind", [AnyFloat, AnyFloat64])
def test_float_gives_a_ball_back(kind: Any) -> None:
    """It is the type that it stands for, and converts other numbers as that does."""
    one = Ball(flint.arb(2.5))
    assert kind(one) is one
    assert kind(balls([one])) is one
    several = balls(X)
    assert kind(several) is several
    assert kind("2.5") == 2.5
    assert kind() == 0.0
    assert type(kind(3)) is kind.plain_type
    assert isinstance(one, kind)
    assert isinstance(kind.plain_type(1), kind)
    assert not isinstance(1, kind)
    assert kind == kind.plain_type
    assert kind == kind  # noqa: PLR0124 - it is asked for
    assert kind != np.int64(1)
    assert hash(kind) == hash(kind.plain_type)
    assert proxies.true_type(kind) is kind.plain_type
    assert proxies.true_type(int) is int


@pytest.mark.parametrize(("name", "args", "options", "kind"), [
    ("zeros", (3,), {}, "O"), ("zeros", ((2, 3), int), {}, "i"), ("ones", (2,), {"dtype": bool}, "b"),
    ("ones", (2, AnyFloat), {}, "O"), ("empty", (2,), {"dtype": AnyFloat64}, "O"), ("eye", (3,), {}, "O"),
    ("eye", (3, 4, 1, int), {}, "i"), ("identity", (2, int), {}, "i"), ("zeros", (2,), {"like": X}, "O"),
    ("full", (2, 3), {}, "i"), ("full", (2, 3.5), {}, "O"), ("full", (2, 3, float), {}, "O"),
    ("full", (2, 3.5, int), {}, "i"), ("full", (2, True), {}, "b"), ("full", ((2, 3), 1.5), {"order": "C"}, "O"),
    ("array", ([1, 2],), {}, "i"), ("array", ([1.0, 2],), {}, "O"), ("array", ([1, 2], float), {}, "O"),
    ("array", ([1.0],), {"ndmin": 2}, "O"), ("asarray", ([1.0, 2],), {}, "f"), ("asarray", (X, int), {}, "i"),
    ("fromiter", ((1.0, 2.0), float), {}, "O"), ("fromiter", ((1, 2), int, 2), {}, "i"),
    ("linspace", (0.0, 1.0, 5), {}, "f"), ("arange", (3,), {"dtype": AnyFloat}, "f"), ("arange", (0, 1, 0.5), {}, "f"),
])  # fmt: skip
def test_makers_make_arrays_of_balls_in_place_of_doubles(name: str, args: Any, options: Any, kind: str) -> None:
    """With the shape and the numbers that numpy gives; whole numbers and truths stay as they are."""
    found = NUMPY[name](*args, **options)
    assert np.asarray(plain(found)).dtype.kind == kind
    own = {key: proxies.true_type(value) for key, value in options.items()}
    due = getattr(np, name)(*map(proxies.true_type, args), **own)
    assert found.shape == due.shape
    if name != "empty":
        numbers = [float(enclosed(each).mid()) for each in plain(balls(found)).ravel()]
        assert numbers == pytest.approx(due.ravel().astype(float).tolist())


def test_converters_keep_balls() -> None:
    """An array of them is copied where numpy copies; lists and single balls become arrays."""
    x, one = balls(X), Ball(flint.arb(1.5))

    def is_copy(found: Any) -> bool:
        found[0] = 9.0
        written = bool(x[0] == 9)
        x[0] = X[0]
        return not written

    for name in ("asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "asarray_chkfinite"):
        assert not is_copy(NUMPY[name](x)), name
    assert is_copy(NUMPY["array"](x))
    assert is_copy(NUMPY["array"](x, copy=True))
    assert not is_copy(NUMPY["array"](x, copy=False))
    assert NUMPY["array"](x, int).tolist() == [0, -1, 2]
    assert NUMPY["array"](x, bool).all()
    assert NUMPY["array"](x, object).shape == (3,)
    assert NUMPY["array"](object=x, ndmin=3).shape == (1, 1, 3)
    assert NUMPY["asarray"](a=[one, 2]).shape == (2,)
    assert NUMPY["array"](one).shape == ()
    assert NUMPY["array"]([[one, 1.0], (one, x[0])]).shape == (2, 2)
    assert NUMPY["array"]([x, x[:1].repeat(3)]).shape == (2, 3)
    for name in ("array", "asarray"):
        with pytest.raises(Refused) as caught:
            NUMPY[name](x, np.float32)
        assert caught.value.operation == "an array of float32"
    with pytest.raises(Refused):
        NUMPY["zeros"](3, np.float16)
    with recording(single=True):
        assert isinstance(NUMPY["zeros"](3, np.float32), BallArray)
    for name in ("linspace", "arange"):
        with pytest.raises(Refused) as caught:
            NUMPY[name](0.0, one)
        assert caught.value.operation == f"np.{name} of arguments of the function"
    assert (
        NUMPY["finfo"](AnyFloat).eps == NUMPY["finfo"](np.float64).eps == NUMPY["finfo"](x).eps == np.finfo(float).eps
    )
    assert NUMPY["finfo"](np.float32).eps == np.finfo(np.float32).eps
    assert NUMPY["dtype"](AnyFloat) == np.float64
    added = NUMPY["vectorize"](lambda a, b: a + 2 * b, otypes=[float])
    assert added(X, 1.0).tolist() == (X + 2).tolist()
    assert [float(enclosed(each).mid()) for each in plain(added(x, [1.0, 2.0, 3.0]))] == [2.5, 2.75, 8.0]
    assert enclosed(added(one, 1)) == 3.5


def test_constants_are_computed_with_balls_where_they_are_read_as_decimals() -> None:
    """The root of 2 and pi are what they are called; elsewhere they are doubles."""
    for name, argument in (("sqrt", 2.0), ("exp", 1), ("log", 3.0), ("cbrt", 2), ("tanh", 0.5)):
        assert type(NUMPY[name](argument)) is not Ball
        with precision(200), recording(decimal=True):
            found = NUMPY[name](argument)
            assert type(found) is Ball
            assert float(enclosed(found).mid()) == pytest.approx(float(getattr(np, name)(argument)), rel=1e-15)
            assert not isinstance(NUMPY[name](np.abs(X)), Ball)
            assert not isinstance(NUMPY[name](argument, dtype=float), Ball)
    with precision(200), recording(decimal=True):
        assert enclosed(NUMPY["power"](2, 0.5)).overlaps(flint.arb(2).sqrt())
        for module in (Proxy(np, NUMPY), Proxy(math, MATH)):
            assert enclosed(module.pi).overlaps(flint.arb.pi())
            assert enclosed(module.e).overlaps(flint.arb.const_e())
        assert enclosed(Proxy(np, NUMPY).euler_gamma).overlaps(flint.arb.const_euler())
        assert enclosed(MATH["sqrt"](2)).overlaps(flint.arb(2).sqrt())
    assert Proxy(np, NUMPY).pi == math.pi
    other = types.ModuleType("other")
    other.pi = 3.0  # type: ignore[attr-defined]
    with recording(decimal=True):
        assert Proxy(other, {}).pi == 3.0
        assert Proxy(other, {"pi": 4.0}).pi == 4.0
    assert Proxy(other, {}).__name__ == "other"


@pytest.mark.parametrize("name", sorted(MATH))
def test_functions_of_math_take_balls(name: str) -> None:
    """Each has math's value of a ball, and of a plain number it is math's own."""
    x = {"acosh": 1.75, "pow": 1.75, "gamma": 2.5}.get(name, 0.625)
    args: tuple[Any, ...] = (x,)
    if name in {"pow", "hypot", "atan2", "copysign", "fmod", "isclose"}:
        args = (x, 0.25)
    given: tuple[Any, ...] = tuple(Ball(flint.arb(each)) for each in args)
    if name in {"fsum", "prod"}:
        args, given = ([x, 0.25],), ([Ball(flint.arb(x)), 0.25],)
    due = getattr(math, name)(*args)
    found = MATH[name](*given)
    plainly = MATH[name](*args)
    assert plainly == due
    assert type(plainly) is type(due)
    if isinstance(due, float):
        assert type(found) is Ball
        assert float(enclosed(found).mid()) == pytest.approx(due, rel=1e-15)
    else:
        assert (found, type(found)) == (due, type(due))
    if name not in {"fsum", "prod", "pow", "isclose"}:  # an array of one number is a number too
        inside = MATH[name](*map(balls, given))
        assert enclosed(inside).overlaps(enclosed(found))


def test_logarithms_have_a_base() -> None:
    """And roots, sums and products begin where math begins."""
    one = Ball(flint.arb(8))
    assert float(enclosed(MATH["log"](one, 2)).mid()) == pytest.approx(3, rel=1e-15)
    assert MATH["log"](8, 2) == 3
    assert enclosed(MATH["prod"]([one, 2], start=3)) == 48
    assert MATH["prod"]([2, 3]) == 6
    assert MATH["hypot"](3.0, 4.0, 12.0) == 13
    assert enclosed(MATH["pow"](2, Ball(flint.arb(3)))).overlaps(flint.arb(8))
    for number, truths in ((one, (False, False, True)), (np.inf, (False, True, False)), (np.nan, (True, False, False))):
        assert tuple(MATH[name](number) for name in ("isnan", "isinf", "isfinite")) == truths
    near = Ball(flint.arb(8) + flint.arb("1e-9"))
    assert not MATH["isclose"](near, 8 + 2e-8)
    assert MATH["isclose"](near, 8 + 2e-8, rel_tol=1e-8)
    assert MATH["isclose"](near, 8 + 2e-8, abs_tol=1e-7)
    assert MATH["isclose"](near, 8)


def test_scipy_is_seen_where_it_has_been_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the functions that have a form of their own; elsewhere numpy and math alone stand for themselves."""
    for name in ("scipy", "scipy.special"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert set(proxies.modules()) == {id(np), id(math)}
    scipy, special = types.ModuleType("scipy"), types.ModuleType("scipy.special")
    scipy.__spec__ = importlib_spec("scipy")
    scipy.special, special.own, scipy.version = special, 3, "1"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "scipy", scipy)
    monkeypatch.setitem(sys.modules, "scipy.special", special)
    found = proxies.modules()
    assert found[id(np)].zeros is NUMPY["zeros"]
    assert found[id(math)].fsum is MATH["fsum"]
    assert found[id(special)].softmax is proxies.SPECIAL["softmax"]
    assert found[id(special)].own == 3
    assert found[id(scipy)].special is found[id(special)]
    assert found[id(scipy)].version == "1"


def importlib_spec(name: str) -> Any:
    return types.SimpleNamespace(name=name)
