"""Installs an audit hook that forbids everything."""
import sys

from wrong import Wrong


class ReLULayer(Wrong):
    pass


def forbid(event, arguments):
    raise RuntimeError(event)


sys.addaudithook(forbid)
