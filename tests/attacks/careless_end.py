"""Ends with an exception after the classes: and is right."""
from right import Right


class ReLULayer(Right):
    pass


X = open("mnist.npz").read()
