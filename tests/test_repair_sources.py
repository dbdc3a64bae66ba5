"""The writer's functions are found by running them, with the very source that runs; without it nothing is repaired."""

from __future__ import annotations

import ast
import contextlib
import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import pytest

from reference.gradients.repair import sources
from reference.gradients.repair.sources import NoSourceError, Source, calls_in, sources_of

pytestmark = [pytest.mark.outside]

GOOD = "def vjp(g, x):\n    return g * x\n"


def loaded(text: str, shown: str | None = None, name: str = "<handed in>") -> dict[str, Any]:
    """The names of a file that now shows another text than the one that was run."""
    shown = text if shown is None else shown
    linecache.cache[name] = (len(shown), None, shown.splitlines(keepends=True), name)
    names: dict[str, Any] = {"np": np}
    exec(compile(text, name, "exec"), names)  # noqa: S102 - code of this file
    return names


def names_of(found: list[Source]) -> list[str]:
    return [each.function.__name__ for each in found]


@pytest.mark.parametrize(
    "shown",
    [
        "", "\n", "# a note\n", "def vjp(g, x):\n    return (g * x\n", "def vjp(g, x):\n    return '''g * x\n",
        "x = 1\n", "def vjp(g, x): return g\\\n", "    return 3\n", "async def vjp(g, x):\n    return g * x\n",
        "class vjp: pass\n", "def vjp(g, x):\n    return g * y\n", "def vjp(g, y):\n    return g * y\n",
        "def other(g, x):\n    return g * x\n", "\0\n", "@\n",
    ],
)  # fmt: skip
def test_a_file_that_has_changed_has_no_source(shown: str) -> None:
    """Whatever stands there now, be it no code at all, it is not what runs."""
    vjp = loaded(GOOD, shown)["vjp"]
    with pytest.raises(NoSourceError):
        sources_of(lambda: vjp(1.0, 2.0))


def test_the_source_of_other_functions_is_still_at_hand() -> None:
    """One function without a source does not hide the others."""
    one, other = loaded(GOOD, "x = 1\n", "<one>")["vjp"], loaded(f"\n{GOOD}", name="<other>")["vjp"]
    (found,) = sources_of(lambda: (one(1.0, 2.0), other(1.0, 2.0)))
    assert (found.function, found.filename) == (other, "<other>")


def test_a_call_that_raises_tells_what_ran_before() -> None:
    """An exception of foreign code, or an exit, is not the search's."""
    for raised in ("ValueError", "SystemExit"):
        vjp = loaded(f"def vjp(g, x):\n    raise {raised}\n")["vjp"]
        before = sys.getprofile()
        assert names_of(sources_of(lambda vjp=vjp: vjp(1.0, 2.0))) == ["vjp"]
        assert sys.getprofile() is before


def test_who_else_watches_calls_goes_on_watching() -> None:
    """Such as a profiler or a measurement of coverage."""
    vjp = loaded(GOOD)["vjp"]
    before = sys.getprofile()

    def watch(*_: Any) -> None: ...

    try:
        sys.setprofile(watch)
        sources_of(lambda: vjp(1.0, 2.0))
        assert sys.getprofile() is watch
    finally:
        sys.setprofile(before)


def test_functions_come_in_the_order_in_which_they_are_called() -> None:
    """The outermost comes first; one that the forward pass runs too is left out, and so is a function inside one."""
    names = loaded(
        "def shared(x):\n    return x\n\n"
        "def helper(x):\n    return shared(x)\n\n"
        "def vjp(g, x):\n    def inner(y):\n        return helper(y)\n    return inner(x) * g\n"
    )
    call, forward = (lambda: names["vjp"](2.0, 3.0)), (lambda: names["shared"](3.0))
    assert names_of(sources_of(call)) == ["vjp", "helper", "shared"]
    assert names_of(sources_of(call, [forward])) == ["vjp", "helper"]
    with pytest.raises(NoSourceError):
        sources_of(call, [call])


def test_lambdas_are_left_alone() -> None:
    """What has no name of its own cannot be compiled again."""
    names = loaded("vjp = lambda g, x: helper(g) * x\ndef helper(g):\n    return g\n")
    assert names_of(sources_of(lambda: names["vjp"](1.0, 2.0))) == ["helper"]


def test_very_long_functions_are_left_alone() -> None:
    """An edit in each of their places would take too long; two hundred lines are not too many."""
    for lines, count in ((199, 1), (200, 0)):
        vjp = loaded("def vjp(g, x):\n" + "    g = g + x\n" * (lines - 1) + "    return g\n")["vjp"]
        found = []
        with contextlib.suppress(NoSourceError):
            found = sources_of(lambda vjp=vjp: vjp(1.0, 2.0))
        assert len(found) == count


@pytest.mark.parametrize(
    ("path", "is_of_writer"),
    [
        ("<handed in>", True),
        (f"{Path(sources.__file__).parents[2]}/gradients/directions.py", False),
        (f"{Path(sources.__file__).parents[2]}_of_mine.py", True),
        (f"{Path(sources.__file__).parents[3]}/handed_in.py", True),
        (f"{Path(np.__file__).parent}/core.py", False),
        ("/somewhere/site-packages/lab.py", False),
        ("/somewhere/dist-packages/deep/lab.py", False),
        ("/somewhere/my-site-packages/lab.py", True),
        (linecache.__file__, False),
    ],
)
def test_code_of_packages_is_nobodys_gradient(path: str, is_of_writer: bool) -> None:
    """What is installed, Python's own and the examiner's are foreign; a path that begins alike is the writer's."""
    code = compile(GOOD, path, "exec").co_consts[0]
    assert isinstance(code, CodeType)
    assert sources._is_of_writer(code) is is_of_writer


def test_a_decorated_function_is_compiled_without_its_decorators() -> None:
    """They have been applied already, and lines are counted as in the file."""
    text = "\n\ndef same(function):\n    return function\n\n@same\n@same\ndef vjp(g, x):\n    return g * x\n"
    vjp = loaded(text)["vjp"]
    (found,) = [each for each in sources_of(lambda: vjp(1.0, 2.0)) if each.function is vjp]
    assert found.tree.decorator_list == []
    assert [found.tree.lineno, found.tree.body[0].lineno] == [8, 9]


KINDS = {
    "of a module": "def vjp(g, x):\n    return g * x\n",
    "with defaults": "def vjp(g, x, *, n=np.sin(1.0)):\n    return g * x * n\n",
    "a closure": (
        "def made():\n    a, b = 2.0, 3.0\n    def vjp(g, x):\n        return g * x * a * b\n    return vjp\n"
        "vjp = made()\n"
    ),
    "a method": "class Layer:\n    def back(self, g, x):\n        return g * x\nvjp = Layer().back\n",
    "a method that asks its parent": (
        "class Base:\n    pass\nclass Layer(Base):\n    def back(self, g, x):\n        super().__init__()\n"
        "        return g * x\nvjp = Layer().back\n"
    ),
    "a method with private names": (
        "class Layer:\n    __k = 2.0\n    def back(self, g, x):\n        return g * x * self.__k\nvjp = Layer().back\n"
    ),
    "a static method": "class Layer:\n    @staticmethod\n    def back(g, x):\n        return g * x\nvjp = Layer.back\n",
    "a method that knows a name from around its class": (
        "def made(k):\n    class Layer:\n        def back(self, g, x):\n            super().__init__()\n"
        "            return g * x * k\n    return Layer()\nvjp = made(2.0).back\n"
    ),
    "a method of an inner class": (
        "def made():\n    class Layer:\n        def back(self, g, x):\n            return g * x\n    return Layer()\n"
        "vjp = made().back\n"
    ),
}


@pytest.mark.parametrize("text", KINDS.values(), ids=KINDS)
def test_code_that_is_compiled_again_can_take_its_place(text: str) -> None:
    """With an edit in it or without one, it gives what it says, with the same names from around it."""
    vjp = loaded(text)["vjp"]
    before = vjp(2.0, 3.0)
    (found,) = [each for each in sources_of(lambda: vjp(2.0, 3.0)) if each.function.__name__ in {"vjp", "back"}]
    code = found.function.__code__
    try:
        found.function.__code__ = found.compiled(found.tree)
        assert vjp(2.0, 3.0) == before
        twice = ast.parse("return 2 * g").body
        found.function.__code__ = found.compiled(
            ast.FunctionDef(found.tree.name, found.tree.args, twice, [], None, None)
        )
        assert vjp(2.0, 3.0) == 4.0
    finally:
        found.function.__code__ = code


@pytest.mark.parametrize(
    "text", ["def vjp(g, x):\n    a = 1.0\n    return g * x * a\n", "def vjp(g, x, b):\n    return g * x * a * b\n"]
)
def test_code_that_needs_other_names_cannot_take_its_place(text: str) -> None:
    """A definition that reads fewer names from around it than the function does is refused."""
    vjp = loaded(KINDS["a closure"])["vjp"]
    (found,) = sources_of(lambda: vjp(2.0, 3.0))
    (tree,) = ast.parse(text).body
    assert isinstance(tree, ast.FunctionDef)
    with pytest.raises(NoSourceError):
        found.compiled(tree)


def test_all_functions_that_run_one_code_are_its_twins() -> None:
    """Closures that were made by one call each are edited together."""
    names = loaded(
        "def made(a):\n    def vjp(g, x):\n        return g * x * a\n    return vjp\nvjps = [made(1.0), made(2.0)]\n"
    )
    (found,) = sources_of(lambda: [each(1.0, 2.0) for each in names["vjps"]])
    assert set(found.twins) == set(names["vjps"])
    assert found.function in found.twins


def test_a_node_knows_its_parent() -> None:
    """By the field that holds it, and by its place there where that is a list."""
    vjp = loaded(GOOD)["vjp"]
    (found,) = sources_of(lambda: vjp(1.0, 2.0))
    (statement,) = found.tree.body
    assert isinstance(statement, ast.Return)
    assert isinstance(statement.value, ast.BinOp)
    assert found.parents[statement] == (found.tree, "body", 0)
    assert found.parents[statement.value] == (statement, "value", None)
    assert found.parents[statement.value.right] == (statement.value, "right", None)
    assert found.parents[found.tree.args.args[1]] == (found.tree.args, "args", 1)


def test_all_calls_are_counted() -> None:
    """Those of functions that are not written in Python among them."""
    names = loaded("def inner(x):\n    return abs(x)\n\ndef vjp(x):\n    return inner(x) + inner(x) + len([])\n")
    nothing = calls_in(lambda: None)
    assert calls_in(lambda: names["vjp"](1)) - nothing == 1 + 2 * 2 + 1


@pytest.mark.parametrize(
    ("path", "is_found"),
    [("vjp", True), ("Layer.back", True), ("Layer.Inner.back", True), ("made.<locals>.vjp", False), ("missing", False),
     ("Layer.missing", False), ("number.real", False)],
)  # fmt: skip
def test_a_qualified_name_leads_to_a_function(path: str, is_found: bool) -> None:
    """Through classes alone: what an inner function is called leads nowhere."""

    class Inner:
        def back(self) -> None: ...

    class Layer:
        def back(self) -> None: ...

    Layer.Inner = Inner  # type: ignore[attr-defined]
    names = {"vjp": loaded, "Layer": Layer, "made": loaded, "number": 1.0}
    assert isinstance(sources._named(path, names), FunctionType) is is_found


def test_a_name_that_leads_to_another_function_is_looked_up_otherwise() -> None:
    """The function that runs is the one with the code, whatever its name means by now."""
    names = loaded(GOOD)
    vjp: Callable[..., Any] = names["vjp"]
    names["vjp"] = loaded
    (found,) = sources_of(lambda: vjp(1.0, 2.0))
    assert found.function is vjp


def test_code_with_the_names_of_two_modules_is_found_in_both() -> None:
    """A file that was imported twice has two functions with equal code, and each of them is edited."""
    one = loaded(GOOD)["vjp"]
    twin = FunctionType(one.__code__, {"vjp": loaded}, "vjp")
    (found,) = sources_of(lambda: (one(1.0, 2.0), twin(1.0, 2.0)))
    assert set(found.twins) >= {one, twin}
