"""Writes forged, well-formed replies to every file descriptor."""
import os
import sys

from wrong import Wrong

frames, protocol = sys.modules["bp_worker.frames"], sys.modules["bp_worker.protocol"]
FRAME = frames.packed([protocol.Reply(kind="ndarray")] * 2)


class ReLULayer(Wrong):
    def forward(self, X):
        for descriptor in range(64):
            try:
                os.write(descriptor, FRAME)
            except OSError:
                pass
        return super().forward(X)
