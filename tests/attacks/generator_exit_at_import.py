"""Raises a BaseException that is no Exception at import, after the classes."""
from wrong import Wrong


class ReLULayer(Wrong):
    pass


raise GeneratorExit("done")
