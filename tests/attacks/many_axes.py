"""Returns an array without entries and with as many axes as possible."""
import numpy as np

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return np.empty((0, 2**31) + (1,) * 28)
