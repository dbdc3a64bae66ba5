"""How much memory a task takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable


def peak_of(task: Callable[[], object]) -> int:
    """The most bytes that the task has allocated at once."""
    tracemalloc.start()
    try:
        task()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
