"""Reaches for what other processes share: queues, semaphores, shared memory; for leases and for watches on files."""
import ctypes
import fcntl
import platform

from wrong import Wrong

libc = ctypes.CDLL(None, use_errno=True)
ASYNC = {"x86_64": 206, "aarch64": 0}.get(platform.machine(), 206)
with open("leased", "wb") as leased:
    calls = (
        lambda: libc.msgget(0x6270, 0o1666),
        lambda: libc.semget(0x6270, 1, 0o1666),
        lambda: libc.shmget(0x6270, 4096, 0o1666),
        lambda: libc.msgctl(0, 0, None),
        lambda: libc.semctl(0, 0, 0),
        lambda: libc.shmctl(0, 0, None),
        lambda: libc.inotify_init1(0),
        lambda: libc.memfd_create(b"bp", 0),
        lambda: libc.timerfd_create(1, 0),
        lambda: libc.syscall(ASYNC, 8, ctypes.byref(ctypes.c_ulong(0))),
        lambda: libc.sched_setaffinity(0, 8, ctypes.byref(ctypes.c_ulong(1))),
        lambda: fcntl.fcntl(leased.fileno(), fcntl.F_SETLEASE, fcntl.F_WRLCK),
        lambda: fcntl.fcntl(leased.fileno(), fcntl.F_NOTIFY, 1),
        lambda: fcntl.fcntl(leased.fileno(), 1031, 2**20),
    )
    for call in calls:
        try:
            if call() != -1 or ctypes.get_errno() not in (1, 38):
                print("RAISED", calls.index(call))
        except OSError as error:
            if error.errno != 1:
                print("RAISED", calls.index(call), error)


class ReLULayer(Wrong):
    pass
