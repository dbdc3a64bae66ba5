"""Copies of functions for ball arithmetic: what they see in place of modules, wherever a function is kept."""

# ruff: noqa: PLW0108, PLC3002 - a lambda is what is copied, and what it calls is met on the way
from __future__ import annotations

import functools
import math
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

flint = pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")

from reference.numerics.balls import proxies, rebinding  # noqa: E402
from reference.numerics.balls.array import BallArray, plain  # noqa: E402
from reference.numerics.balls.rebinding import rebound, rebound_together  # noqa: E402
from reference.numerics.balls.tape import recording  # noqa: E402
from reference.numerics.oracles.ball import precision  # noqa: E402

Function = Callable[..., Any]


def sees() -> Any:
    """The module that it knows as math."""
    return math


def called(f: Function) -> Any:
    return f()


class Holder:
    """With a function in each kind of member."""

    kept: Function

    def __init__(self) -> None:
        self.kept = sees
        self.deep = {"in a dict": [(sees,)]}

    def __call__(self) -> Any:
        return self.kept()

    @property
    def by_property(self) -> Any:
        return self.deep["in a dict"][0][0]()

    @staticmethod
    def by_staticmethod() -> Any:
        return math

    @classmethod
    def by_classmethod(cls) -> Any:
        return cls.by_staticmethod()


class Heir(Holder):
    """With slots beside what it inherits."""

    __slots__ = ("own",)


class Slotted:
    """An object that keeps its attributes in slots and has no dictionary."""

    __slots__ = ("own",)

    def of_method(self) -> Any:
        return math


@np.errstate(all="ignore")
def decorated() -> Any:
    return math


def importing() -> Any:
    import math as inside  # noqa: PLC0415 - as people write it

    return inside


HOLDER, HEIR = Holder(), Heir()
MODULE: Any = types.ModuleType("a_users_module")
MODULE.sees = sees
DICT, LIST, TUPLE = {"f": sees}, [sees], (1.0, sees)

PLACES: dict[str, Function] = {
    "the function": sees,
    "a global": lambda: sees(),
    "a closure": (lambda f: lambda: f())(sees),
    "a default": lambda f=sees: f(),
    "a keyword's default": lambda *, f=sees: f(),
    "a dict": lambda: DICT["f"](),
    "a list": lambda: LIST[0](),
    "a tuple": lambda: TUPLE[1](),
    "a partial": functools.partial(called, sees),
    "a keyword of a partial": functools.partial(called, f=sees),
    "the function of a partial": functools.partial(sees),
    "an object": HOLDER,
    "an attribute": lambda: HOLDER.kept(),
    "a method": HOLDER.__call__,
    "a property": lambda: HOLDER.by_property,
    "a static method": HOLDER.by_staticmethod,
    "a class method": HOLDER.by_classmethod,
    "a method of a class": lambda: Holder.by_classmethod(),
    "a new object": lambda: Holder()(),
    "an heir": HEIR,
    "an heir's property": lambda: HEIR.by_property,
    "a new object with slots": lambda: Slotted().of_method(),
    "a module": lambda: MODULE.sees(),
    "a decorated function": decorated,
    "a decorated global": lambda: decorated(),
    "an import": importing,
    "a nested function": lambda: (lambda: (lambda: math)())(),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_copy_sees_another_module(place: str) -> None:
    """Wherever the function is kept that asks for it; the original sees the module itself afterwards."""
    found = rebound(PLACES[place])()
    assert type(found) is proxies.Proxy
    assert found.__name__ == "math"
    assert PLACES[place]() is math


def test_float_is_one_that_leaves_balls_alone() -> None:
    """As a global and as a value that is kept; math's functions are others too."""
    exp, kinds = math.exp, {"number": float}
    one, other, third = rebound(lambda: (float, kinds["number"], exp))()
    assert one is other is proxies.AnyFloat
    assert third is proxies.MATH["exp"]


def test_what_is_one_stays_one() -> None:
    """An object, an array or a function that is met twice has one copy, which is not the original."""
    array, names = np.ones(2), ["a"]

    def again() -> Any:
        return array, again, HOLDER, names

    copies = rebound(lambda: (array, again, HOLDER, again()))()
    assert copies[:3] == (*copies[3][:2], copies[3][2])
    assert copies[0] is copies[3][0] is not array
    assert copies[1] is copies[3][1] is not again
    assert copies[2] is copies[3][2] is not HOLDER
    assert copies[3][3] == names
    assert copies[3][3] is not names
    first, second = rebound_together(lambda: HOLDER, lambda: HOLDER)
    assert first() is second() is not rebound(lambda: HOLDER)()


def test_what_a_copy_writes_stays_in_it() -> None:
    """Into an array, a dict, a list or an attribute."""
    array, kept, counts, numbers, holder = np.zeros(2), {"a": [np.zeros(2)]}, {"calls": 0}, [[1.0]], Holder()
    default = np.zeros(2)

    def write(buffer: Any = default) -> None:
        array[0] = kept["a"][0][0] = buffer[0] = 7
        counts["calls"] += 1
        numbers[0].append(2.0)
        holder.deep = {}

    rebound(write)()
    assert array.tolist() == kept["a"][0].tolist() == default.tolist() == [0, 0]
    assert (counts, numbers) == ({"calls": 0}, [[1.0]])
    assert holder.deep


def test_containers_may_hold_themselves() -> None:
    """A list and a dict; each has one copy."""
    numbers: list[Any] = [1.0]
    names: dict[str, Any] = {"numbers": numbers}
    numbers += [numbers, names]
    names["names"] = names
    copy = rebound(lambda: numbers)()
    assert copy is copy[1] is copy[2]["numbers"] is not numbers
    assert copy[2] is copy[2]["names"] is not names


def test_a_copy_has_what_its_function_has() -> None:
    """Its name, its attributes, its defaults."""

    def function(x: float = 2.0, *, y: float = 3.0) -> float:
        return x + y

    function.note = "kept"  # type: ignore[attr-defined]
    copy = rebound(function)
    assert (copy.__name__, copy.note, copy(), copy(1.0, y=1.0)) == ("function", "kept", 5.0, 2.0)  # type: ignore[attr-defined]


def test_cells_may_be_filled_later() -> None:
    """A function that refers to what is defined below it."""

    def early() -> Any:
        return late()

    copy = rebound(early)

    def late() -> float:
        return 1.0

    with pytest.raises(NameError):
        copy()
    assert early() == 1.0


def test_arrays_may_become_balls() -> None:
    """Of doubles, where that is asked for: what is exact is what it is, and other numbers are read as decimals."""
    weights, counts = np.array([[0.1, 0.5], [0.3, 0.1]]), np.arange(2)
    holder = Holder()
    holder.deep = {"weights": weights}  # type: ignore[dict-item]
    with precision(200), recording(decimal=True):
        (copy,) = rebound_together(lambda: (weights, counts, holder.deep["weights"]), exact={0.3})
        found, whole, same = copy()
        assert isinstance(found, BallArray)
        assert found is same
        assert found.shape == weights.shape
        tenth, _, third, other = (each.value for each in plain(found).ravel())
        assert tenth.overlaps(flint.arb(1) / 10)
        assert other.overlaps(flint.arb(1) / 10)
        assert third == flint.arb(0.3)
        assert not third.overlaps(flint.arb(3) / 10)
    assert type(whole) is np.ndarray
    assert type(rebound(lambda: weights)()) is np.ndarray


@pytest.mark.parametrize(
    ("name", "is_users"),
    [
        (None, False), ("", False), ("numpy", False), ("numpy.linalg", False), ("numpy_of_mine", True), ("sys", False),
        ("json", False), ("os.path", False), ("no_such_module_anywhere", True), ("__main__", True),
        ("tests.test_balls_rebinding", True), ("reference.check", False), ("_pytest", False), ("hypothesis", True),
    ],
)  # fmt: skip
def test_whose_a_module_is(name: str | None, is_users: bool) -> None:
    """Python's and the libraries' that are left alone are not the user's; all others are, installed ones too."""
    assert bool(rebinding._is_users.__wrapped__(name)) is is_users


def test_modules_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a file of its own is the user's; what was made in memory is nobody's."""
    for name, has_path in (("a_made_module", False), ("a_folder", True)):
        module: Any = types.ModuleType(name)
        if has_path:
            module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
        assert bool(rebinding._is_users.__wrapped__(name)) is has_path


def test_an_installed_package_may_lie_in_pythons_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does where there is no virtual environment: it is the user's all the same."""
    module: Any = types.ModuleType("installed")
    monkeypatch.setitem(sys.modules, "installed", module)
    for folder, is_users in (("/site-packages", True), ("", False)):
        module.__file__ = f"{rebinding._STANDARD}{folder}/installed.py"
        assert rebinding._is_users.__wrapped__("installed") is is_users
