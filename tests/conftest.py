"""Hypothesis profiles, chosen by ``HYPOTHESIS_PROFILE`` (CI gets the repeatable one), what is absent, MNIST."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from numpy.typing import NDArray

import bp
from reference.numerics.memo import MAX_BYTES, Memo
from reports.training import data, sources
from tests.collecting import is_left_out, pytest_collection, pytest_collection_finish
from tests.fake_mirrors import FILES, FakeMirror, serving

pytest_plugins = ["pytester"]
__all__ = ["pytest_collection", "pytest_collection_finish"]  # pytest finds these hooks here

# For PyTorch, which is loaded later: where other processes want the cores, its threads spend seconds on waiting for
# each other, and no test has work enough for two.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Phase.explain re-runs a failing test many times to little use where the counterexample is an array.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
# Deadlines would make the two noisy cores of a CI machine part of the verdict.
_COMMON = {"deadline": None, "phases": _PHASES, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("dev", max_examples=50, **_COMMON)
settings.register_profile("ci", max_examples=50, derandomize=True, database=None, print_blob=True, **_COMMON)
settings.register_profile("nightly", max_examples=2000, print_blob=True, **_COMMON)
# For the further cells of the matrix: what needs many examples is found where all tests run.
settings.register_profile("sample", max_examples=20, derandomize=True, database=None, print_blob=True, **_COMMON)
# One mutant has a few seconds: the first counterexample will do, and it need not be a small one.
settings.register_profile(
    "mutation",
    max_examples=25,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    **_COMMON | {"phases": (Phase.explicit, Phase.generate)},
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))

#: Packages of the extras, as they are imported.
_OPTIONAL = {"flint", "matplotlib", "platformdirs", "rich", "threadpoolctl", "torch", "typst"}


def pytest_configure() -> None:
    """Whoever promises packages (tox does, by ``BP_TESTS_WITH``) has them: nothing is skipped for want of one."""
    promised = os.environ.get("BP_TESTS_WITH", "").split()
    if absent := [name for name in promised if importlib.util.find_spec(name) is None]:
        raise pytest.UsageError(f"BP_TESTS_WITH promises {', '.join(absent)}, which cannot be imported here")


class _Module(pytest.Module):
    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        if is_left_out(self.path, self.config):
            return []
        try:
            return super().collect()
        except self.CollectError as error:
            cause = error.__cause__
            absent = cause.name if isinstance(cause, ModuleNotFoundError) else None
            if absent in _OPTIONAL:
                pytest.skip(f"{self.name} needs {absent}, which is not installed", allow_module_level=True)
            raise


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    """A file that needs an absent package of an extra is skipped, with that reason."""
    return _Module.from_parent(parent, path=module_path)  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def own_memo(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that changes something for its time shares no computed truth with others, who would have it otherwise."""
    with pytest.MonkeyPatch.context() as context:
        if "monkeypatch" in request.fixturenames:
            context.setattr("reference.lab.context.memo", Memo(MAX_BYTES))
        yield


@pytest.fixture
def short_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what fails, not of what it is called: the search for a repair takes all its steps where none is."""
    monkeypatch.setattr("reference.numerics.likeness.REPAIR_STEPS", 1_000_000)


@pytest.fixture
def without_balls(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For tests whose truths are given: no balls and no tensors are asked, and what overflows is no matter."""
    for module in ("gradients.rigorous", "numerics.oracles.ball", "numerics.oracles.torch_autograd"):
        monkeypatch.setattr(f"reference.{module}.available", lambda: "not needed here")
    with np.errstate(all="ignore"):
        yield


@pytest.fixture
def elsewhere(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one; what is kept between runs is kept for this test alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    return tmp_path


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Small files instead of MNIST, an empty cache, no npm and no proxy; gives the cache."""
    cache = tmp_path / "cache" / "mnist"
    monkeypatch.setattr(data, "MNIST_SHA256", {name: hashlib.sha256(c).hexdigest() for name, c in FILES.items()})
    monkeypatch.setattr(data, "mnist_cache_folder", lambda: cache)
    monkeypatch.setattr(sources, "MIRRORS", ())
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("BP_MNIST", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    return cache


@pytest.fixture
def mirrors() -> Iterator[tuple[FakeMirror, FakeMirror]]:
    """Two servers that have all the files."""
    with serving() as one, serving() as two:
        yield one, two


@pytest.fixture(scope="session")
def mnist() -> tuple[NDArray[np.float32], ...]:
    """The real MNIST, from wherever it can be had; a skip with the reason where it cannot."""
    try:
        return bp.load_MNIST(data.fetch())
    except data.FetchError as error:
        pytest.skip(f"MNIST cannot be had here: {error}")
