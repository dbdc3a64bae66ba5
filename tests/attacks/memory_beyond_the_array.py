"""Returns a view whose strides lead out of its memory."""
import numpy as np

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return np.lib.stride_tricks.as_strided(X, X.shape, (2**40, 2**40))
