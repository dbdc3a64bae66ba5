"""Returns a text of gigabytes, an integer of a million digits, a list of a million items."""
from right import Right


class ReLULayer(Right):
    def forward(self, X):
        return "x" * 10**9

    def delta(self, Y, delta_next):
        return 10**1_000_000

    def has_params(self):
        return [0] * 10**6
