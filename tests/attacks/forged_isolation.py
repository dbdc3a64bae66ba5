"""Says at import that it has been confined by means that there are not, and that all classes are there."""
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
