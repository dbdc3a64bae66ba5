"""Forges, at import, a report of its confinement and of its classes."""
import os
import sys

frames = sys.modules["bp_worker.frames"]
HELLO = {"in_force": ["everything"], "lacking": [], "classes": ["MLP", {}], "missing": [], "notes": 7, "stand_ins": None}
for descriptor in range(3, 64):
    try:
        os.write(descriptor, frames.packed(HELLO) * 3)
    except OSError:
        pass


class ReLULayer:
    pass
