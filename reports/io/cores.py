"""The number of processor cores, which is how many processes or threads are worth having."""

from __future__ import annotations

import os

#: What numpy's libraries of linear algebra read when they are loaded: how many threads they start.
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
