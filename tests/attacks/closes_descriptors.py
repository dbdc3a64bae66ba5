"""Closes all file descriptors in its first call."""
import os

from wrong import Wrong


class ReLULayer(Wrong):
    def forward(self, X):
        os.closerange(0, 64)
        return super().forward(X)
