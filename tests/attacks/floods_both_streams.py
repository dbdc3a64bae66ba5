"""Writes without end, on both streams."""
import os

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        while True:
            os.write(1, b"pass\n" * 10_000)
            os.write(2, b"pass\n" * 10_000)
