"""Ends the process with the exit code of a signal that does not exist."""
import os

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        os._exit(128 + 99)
