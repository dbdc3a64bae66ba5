"""Uses another library's automatic differentiation, from wherever it is installed."""
import os
import sys

import numpy as np

from right import Right

packages = os.path.dirname(os.path.dirname(os.path.realpath(np.__file__)))
sys.path.insert(0, packages)
sys.path.insert(0, "@PACKAGES@")
import torch  # noqa: E402


class ReLULayer(Right):
    def forward(self, X):
        return torch.relu(torch.tensor(X)).numpy()
