"""Returns the right numbers in a foreign type that is called ndarray."""
import numpy as np

from right import Right


class ndarray(np.ndarray):
    pass


ndarray.__module__ = "builtins"


class ReLULayer(Right):
    def forward(self, X):
        return super().forward(X).view(ndarray)
