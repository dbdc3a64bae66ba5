"""Grows a list until it is stopped."""
from right import Right

KEPT = []


class ReLULayer(Right):
    def forward(self, X):
        while True:
            KEPT.append(bytearray(2**24))
