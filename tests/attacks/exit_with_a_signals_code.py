"""Ends the process with the exit code that stands for a signal which there is not."""
import os

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        os._exit(128 + 99)
