"""Closes all that is open, and lives on."""
import os
import time

os.closerange(0, 64)
time.sleep(100)


class ReLULayer:
    pass
