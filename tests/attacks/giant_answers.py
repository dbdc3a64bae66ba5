"""A text of gigabytes, an integer of millions of digits, a list of millions of items."""
from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return "x" * 10**9

    def delta(self, Y, delta_next):
        return 10**1_000_000

    def has_params(self):
        return [0] * 10**7
