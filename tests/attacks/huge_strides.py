"""Returns a view of one entry that claims 10^12 entries."""
import numpy as np

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return np.broadcast_to(0.0, (10**6, 10**6))
