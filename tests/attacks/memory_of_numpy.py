"""Asks for more memory than there is, in one array."""
import numpy as np

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return np.ones(10**11) * X
