"""Returns the right numbers in the other byte order, and in a longer type than a frame can hold."""
import numpy as np

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return super().forward(X).astype(">f8")

    def delta(self, Y, delta_next):
        return super().delta(Y, delta_next).astype(np.longdouble)
