"""Uses nearly as much processor time for each call as one call may."""
import time

from wrong import Wrong


class ReLULayer(Wrong):
    def forward(self, X):
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        return super().forward(X)
