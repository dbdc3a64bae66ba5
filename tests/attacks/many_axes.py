"""An array of no entries, and as many axes as there can be."""
import numpy as np

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return np.empty((0, 2**31) + (1,) * 28)
