"""Returns a structured array."""
import numpy as np

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return np.zeros(X.shape, dtype=[("value", "f8"), ("verdict", "U9")])
