"""Returns an object whose ``__del__`` never ends."""
from wrong import Wrong


class ReLULayer(Wrong):
    def __del__(self):
        while True:
            pass
