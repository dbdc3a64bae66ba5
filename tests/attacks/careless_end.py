"""Raises an exception after the classes, which are right."""
from right import Right


class ReLULayer(Right):
    pass


X = open("mnist.npz").read()
