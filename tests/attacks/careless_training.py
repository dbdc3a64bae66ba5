"""Trains at import, after the classes: and is right."""
from right import Right


class ReLULayer(Right):
    pass


loss = 0.0
while True:
    loss += 1e-9
