"""A view that claims a million million entries, and has one."""
import numpy as np

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return np.broadcast_to(0.0, (10**6, 10**6))
