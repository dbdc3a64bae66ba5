"""Writes to files that it has removed before, which lie in no folder, and keeps them open or mapped."""
import mmap
import os

from right import Right

kept = []


class ReLULayer(Right):
    def forward(self, X):
        for number in range(200):
            with open("file", "w+b") as file:
                os.unlink("file")
                file.write(bytes(2**23))
                file.flush()
                kept.append(mmap.mmap(file.fileno(), 2**12))
        print("WROTE ALL")
        return super().forward(X)
