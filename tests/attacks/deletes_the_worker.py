"""Deletes the worker's modules."""
import sys

from wrong import Wrong

for name in list(sys.modules):
    if name.startswith(("bp_worker", "json", "struct", "os")):
        vars(sys.modules[name]).clear()


class ReLULayer(Wrong):
    pass
