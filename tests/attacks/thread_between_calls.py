"""Starts a thread that changes results and the worker between calls."""
import sys
import threading

from wrong import Wrong


def meddle():
    while True:
        for frame in sys._current_frames().values():
            frame.f_locals.clear()


class ReLULayer(Wrong):
    def forward(self, X):
        try:
            threading.Thread(target=meddle, daemon=True).start()
        except RuntimeError as error:
            print(error)
        return super().forward(X)
