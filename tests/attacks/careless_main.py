"""Does everything else only as a program: and is right."""
import sys

from right import Right


class ReLULayer(Right):
    pass


if __name__ == "__main__":
    sys.exit("this must not run")
