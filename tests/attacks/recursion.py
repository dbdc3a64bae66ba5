"""Calls itself without end."""
from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return self.forward(X)
