"""Reads the examiner's files, its memory, and whatever /proc tells of it."""
import ctypes
import os

import numpy as np

from wrong import Wrong

parent, libc = os.getppid(), ctypes.CDLL(None, use_errno=True)
got = []
for path in (
    f"/proc/{parent}/mem", f"/proc/{parent}/maps", f"/proc/{parent}/environ", f"/proc/{parent}/fd/0", "/proc/self/mem",
    "@ROOT@/reference/definitions.py", "@ROOT@/bp/__init__.py", "/etc/passwd", "/etc/shadow", "@OUTSIDE@/kept.txt",
):  # fmt: skip
    try:
        with open(path, "rb") as file:
            got.append((path, file.read(10)))
    except OSError:
        pass
buffer = ctypes.create_string_buffer(8)
if libc.process_vm_readv(parent, ctypes.byref(buffer), 1, ctypes.byref(buffer), 1, 0) != -1:
    got.append("memory")
for request in (16, 0x4206):
    if libc.ptrace(request, parent, 0, 0) != -1:
        got.append("ptrace")
print("GOT", got)


class ReLULayer(Wrong):
    pass
