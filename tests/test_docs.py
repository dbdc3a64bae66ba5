"""What the docstrings show is what happens."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import bp
import reference
from tests.comparing import needs_flint

pytestmark = pytest.mark.outside

#: Needs files that are not everywhere, needs a submission, is shown for pytest, is made by others or is an error.
WITHOUT_EXAMPLE = {
    "load_MNIST",
    "judge",
    "parametrize_with_checks",
    "Finding",
    "Judgement",
    "NotAnImplementation",
    "oracle_of",
}


def with_examples() -> list[str]:
    """Every module of the two packages whose docstrings show something."""
    found = []
    for package in (bp, reference):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # What runs in the child is not imported here, and known mistakes are no example.
            if not module.name.startswith(("reference.execution.worker", "reference.lab.mistakes")):
                found += [module.name] if ">>>" in inspect.getsource(importlib.import_module(module.name)) else []
    return found


@needs_flint
@pytest.mark.parametrize("name", with_examples())
def test_examples_are_true(name: str) -> None:
    """Run as they stand, with nothing but their own module's names, they print what they say."""
    result = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("package", [bp, reference], ids=lambda package: str(package.__name__))
def test_public_names_show_their_use(package: ModuleType) -> None:
    """Whoever asks `help` for a name sees it used."""
    silent = {name for name in package.__all__ if ">>>" not in str(inspect.getdoc(getattr(package, name)))}
    assert silent <= WITHOUT_EXAMPLE


@pytest.mark.parametrize(
    "kind", [getattr(bp, name) for name in bp.__all__ if name.endswith(("Layer", "Entropy", "Logits"))]
)
def test_messages_say_their_shapes(kind: type) -> None:
    """Each message of a layer or loss says what shape comes out, and its formula or what it computes."""
    for name in ("forward", "delta", "grad"):
        if hasattr(kind, name):
            assert "(N, " in str(getattr(kind, name).__doc__) or "(D, U)" in str(getattr(kind, name).__doc__)
