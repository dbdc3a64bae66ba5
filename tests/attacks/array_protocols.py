"""Returns an object that converts itself to a different array each time."""
import numpy as np

from wrong import Wrong


class Protocol:
    __class__ = np.ndarray
    __array_interface__ = {"shape": (10**6, 10**6), "typestr": "<f8", "data": (0, False), "version": 3}
    __array_struct__ = 1

    def __array__(self, *_, **__):
        return np.full((3, 4), np.nan)


class ReLULayer(Wrong):
    def forward(self, X):
        return Protocol()
