"""Reads at address 0."""
import ctypes

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return ctypes.string_at(0)
