"""Raises exceptions whose text raises, never ends, or controls a terminal."""
from right import Right


class Odd(Exception):
    def __str__(self):
        raise SystemExit("\x1b[2J")


class ReLULayer(Right):
    def forward(self, X):
        raise Odd

    def delta(self, Y, delta_next):
        raise ValueError("\x1b[2J\x1b[32mpass\x1b[0m\r\n\ud800 \u202e]]></failure> ::error::\x00" + "x" * 10**7)

    def has_params(self):
        raise type("\x1b[2J\n" * 1000, (Exception,), {})
