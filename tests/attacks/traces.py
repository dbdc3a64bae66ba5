"""Installs a trace function that raises in the worker's code."""
import sys

from wrong import Wrong


def trace(frame, event, value):
    if event == "return" and frame.f_code.co_name == "perform":
        raise ZeroDivisionError
    return trace


sys.settrace(trace)
sys.setprofile(lambda *_: None)


class ReLULayer(Wrong):
    pass
