"""Starts threads without end, small ones."""
import threading
import time

from wrong import Wrong

threading.stack_size(32768)
for _ in range(100_000):
    try:
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
    except RuntimeError:
        break


class ReLULayer(Wrong):
    pass
