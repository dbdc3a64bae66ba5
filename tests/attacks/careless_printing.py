"""Prints at every step, megabytes in all: and is right."""
from right import Right

print("hello\n" * 1_000_000)


class ReLULayer(Right):
    def forward(self, X):
        print("forward", X)
        return super().forward(X)
