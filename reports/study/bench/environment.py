"""Describes the machine on which a benchmark ran, and limits the number of threads."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info, threadpool_limits

from reports.io.version import version_of

_PACKAGES = ("numpy", "torch", "python-flint")


def describe() -> dict[str, Any]:
    """The versions of the libraries, the processor, and the number of threads of each library for linear algebra."""
    return {
        "python": platform.python_version(),
        "packages": {name: version_of(name) for name in _PACKAGES},
        "system": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "blas": [
            {key: pool.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
            for pool in threadpool_info()
        ],
    }


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit every loaded library to one thread within the block.

    Two libraries that share two cores differently could not be compared.
    """
    with threadpool_limits(limits=1):
        yield


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
