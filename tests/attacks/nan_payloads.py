"""Returns NaNs that carry data in their bits."""
import numpy as np

from wrong import Wrong


class ReLULayer(Wrong):
    def forward(self, X):
        return np.full(X.shape, 0x7FF0DEADBEEF0001, np.uint64).view(np.float64)
