"""Prints megabytes in its methods; its classes are right."""
from right import Right

print("hello\n" * 1_000_000)


class ReLULayer(Right):
    def forward(self, X):
        print("forward", X)
        return super().forward(X)
