"""Has attributes that differ each time, and objects that raise when looked at."""
import itertools

import numpy as np

from right import LinearLayer as Right
from wrong import Wrong

COUNT = itertools.count()


class LinearLayer(Right):
    @property
    def W(self):
        return [np.zeros((1, 1)), None, "W", np.zeros(0), 1j][next(COUNT) % 5]

    @W.setter
    def W(self, value):
        pass

    def __getattribute__(self, name):
        if next(COUNT) % 7 == 0:
            raise SystemExit(name)
        return super().__getattribute__(name)


ReLULayer = Wrong
