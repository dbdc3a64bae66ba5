"""Turns all warnings into errors at import; its classes are right."""
import warnings

import numpy as np
from right import Right

warnings.simplefilter("error")
np.seterr(all="raise")
np.set_printoptions(precision=2)


class ReLULayer(Right):
    def forward(self, X):
        warnings.warn("deprecated")
        np.exp(np.full(3, 1e4))
        return super().forward(X)
