"""The right numbers in an array of another type, which calls itself ndarray."""
import numpy as np

from right import Right


class ndarray(np.ndarray):
    pass


ndarray.__module__ = "builtins"


class ReLULayer(Right):
    def forward(self, X):
        return super().forward(X).view(ndarray)
