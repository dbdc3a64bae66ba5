"""The script of a counterexample, and where it imports a function from."""

from __future__ import annotations

import functools
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference.gradients.arguments import pattern
from reference.gradients.script import home, script_of
from reference.gradients.subject import Subject

pytestmark = pytest.mark.catalogue

X, LABELS = np.array([0.5, -1.25], np.float32), np.array([1, 0])


def doubled(x: Any, labels: Any) -> Any:
    return 2 * x


def doubled_vjp(c: Any, x: Any, labels: Any) -> Any:
    return (2 * c,)


class Doubling:
    """Is called as a function is."""

    def __call__(self, x: Any) -> Any:
        return 2 * x

    def forward(self, x: Any) -> Any:
        return 2 * x


def named(name: str | None, module: Any) -> Any:
    return SimpleNamespace(__qualname__=name, __module__=module)


@pytest.mark.parametrize(
    ("function", "due"),
    [
        (np.tanh, ("numpy", "tanh")),
        (doubled, (__name__, "doubled")),
        (Doubling, (__name__, "Doubling")),
        (lambda x: x, ("your_module", "vjp")),
        (functools.partial(doubled, labels=LABELS), ("your_module", "vjp")),
        (Doubling(), ("your_module", "vjp")),
        (Doubling().forward, ("your_module", "vjp")),
        (Doubling.forward, ("your_module", "vjp")),
        (named("outer.<locals>.inner", "net"), ("your_module", "inner")),
        (named("inner", "my-net"), ("your_module", "inner")),
        (named("inner", None), ("your_module", "inner")),
        (named("inner", "my..net"), ("your_module", "inner")),
        (named("inner", "my.net"), ("my.net", "inner")),
    ],
)
def test_the_home_of_a_function(function: Any, due: tuple[str, str]) -> None:
    """Its module, where it can be imported from there by its name."""
    assert home(function, "vjp") == due


@pytest.mark.parametrize(("file", "module"), [("/home/x/net.py", "net"), (None, "your_module"), ("my net.py", None)])
def test_the_home_of_a_function_of_a_script(file: str | None, module: str | None, monkeypatch: Any) -> None:
    """The module of its file, if it has one that can be imported."""
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(**({"__file__": file} if file else {})))
    assert home(named("forward", "__main__"), "vjp") == (module or "your_module", "forward")


def ran(script: str | None) -> list[Any]:
    """What a script prints."""
    assert script is not None
    printed: list[Any] = []
    exec(script, {"print": printed.append})  # noqa: S102 - our own
    return printed


def test_a_script_calls_the_function_with_the_counterexample() -> None:
    """The gradient with the cotangent, where there is one; arrays have the precision of those that are given."""
    subject = Subject(doubled, doubled_vjp, pattern((X, LABELS), None))
    asked = {"args[0]": [0.1, 2.0], "args[1]": [1, 1]}
    (found,) = ran(script_of(subject, asked, "forward.values"))
    assert (found.dtype, found.tolist()) == (np.float32, np.array([0.2, 4.0], np.float32).tolist())
    ((gradient,),) = ran(script_of(subject, asked | {"cotangent": [0.25, 1.0]}, "vjp.gradient[0].values"))
    assert (gradient.dtype, gradient.tolist()) == (np.float32, [0.5, 2.0])


def test_a_script_is_short_and_says_which_check_it_shows() -> None:
    """Where an argument is not known there is none."""
    subject = Subject(lambda x, labels: x, lambda c, x, labels: (c,), pattern((X, LABELS), None))
    asked = {"args[0]": [0.1, 2.0], "args[1]": [1, 1], "cotangent": [0.25, 1.0]}
    lines = str(script_of(subject, asked, "vjp.gradient[0].values")).splitlines()
    assert len(lines) <= 10
    assert "# vjp.gradient[0].values" in lines
    assert "from your_module import vjp" in lines
    of_forward = str(script_of(subject, {key: asked[key] for key in ("args[0]", "args[1]")}, "vjp.forward.values"))
    assert "from your_module import forward" in of_forward.splitlines()
    del asked["args[1]"]
    assert script_of(subject, asked, "vjp.gradient[0].values") is None
    assert script_of(subject, {"inputs": "numbers of size 1e+300"}, "vjp.gradient[0].values") is None
