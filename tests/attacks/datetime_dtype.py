"""Returns dates instead of numbers, in an array and alone."""
import numpy as np

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return np.zeros(X.shape, "M8[s]")

    def delta(self, Y, delta_next):
        return np.datetime64("2026-11-25")
