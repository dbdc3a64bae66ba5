"""Removes the limit of recursion and overflows the stack."""
import sys

from right import Right

sys.setrecursionlimit(2**31 - 1)


class Deep:
    def __repr__(self):
        return repr([self])


class ReLULayer(Right):
    def forward(self, X):
        return repr(Deep())
