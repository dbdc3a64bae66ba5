"""Switches the alarm off, and then never ends."""
import signal

signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 0)
while True:
    pass


class ReLULayer:
    pass
