"""Returns an array subclass whose attributes lie."""
import numpy as np

from wrong import Wrong


class Liar(np.ndarray):
    shape = property(lambda self: (3, 4))
    dtype = property(lambda self: np.dtype("f8"))
    size = property(lambda self: 12)
    nbytes = property(lambda self: 0)
    __class__ = np.ndarray

    def __eq__(self, other):
        return np.ones(3, bool)

    def __array_ufunc__(self, *_, **__):
        return np.zeros((3, 4))

    def __array_function__(self, *_, **__):
        return True

    def __array__(self, *_, **__):
        raise SystemExit(0)

    def tobytes(self, *_):
        return b""


Liar.__name__ = "ndarray"
Liar.__module__ = "numpy"


class ReLULayer(Wrong):
    def forward(self, X):
        return np.zeros((1000, 1000)).view(Liar)
