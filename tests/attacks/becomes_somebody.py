"""Becomes another user, gets privileges back, changes the clock, mounts."""
import ctypes
import os
import time

from wrong import Wrong

libc = ctypes.CDLL(None)
for attempt in (
    lambda: time.clock_settime(time.CLOCK_REALTIME, 0),
    lambda: os.chroot("."),
    lambda: os.nice(-20),
    lambda: os.mknod("device", 0o60600, os.makedev(8, 0)),
):
    try:
        attempt()
        print("BECAME")
    except OSError:
        pass
if libc.mount(b"none", b".", b"tmpfs", 0, None) == 0 or libc.unshare(0x10000000) == 0 or libc.reboot(0) == 0:
    print("BECAME")


class ReLULayer(Wrong):
    pass
