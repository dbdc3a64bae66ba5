"""Depends on numpy's global random generator."""
import numpy as np

from right import Right

np.random.seed(0)


class ReLULayer(Right):
    def forward(self, X):
        return super().forward(X) * np.random.rand()
