"""Closes all file descriptors at import, and goes on."""
import os
import time

os.closerange(0, 64)
time.sleep(100)


class ReLULayer:
    pass
