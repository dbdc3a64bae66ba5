"""Takes nearly as much processor time as one answer may, each time."""
import time

from wrong import Wrong


class ReLULayer(Wrong):
    def forward(self, X):
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        return super().forward(X)
