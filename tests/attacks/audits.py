"""An audit hook that forbids everything, to all who come after."""
import sys

from wrong import Wrong


class ReLULayer(Wrong):
    pass


def forbid(event, arguments):
    raise RuntimeError(event)


sys.addaudithook(forbid)
