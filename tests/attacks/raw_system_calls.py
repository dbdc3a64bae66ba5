"""Asks the kernel itself for all that could reach other processes, make some, or stay behind, without Python's modules."""

import ctypes
import os
import platform

import wrong

HERE = ("x86_64", "aarch64").index(platform.machine()) if platform.machine() in ("x86_64", "aarch64") else 0
PARENT = os.getppid()
#: The numbers on x86_64 and on aarch64, and the arguments.
CALLS = {
    "ptrace": ((101, 117), (16, PARENT, 0, 0)),
    "process_vm_readv": ((310, 270), (PARENT, 0, 0, 0, 0, 0)),
    "pidfd_open": ((434, 434), (PARENT, 0)),
    "kcmp": ((312, 272), (PARENT, os.getpid(), 0, 0, 0)),
    "kill": ((62, 129), (PARENT, 0)),
    "tgkill": ((234, 131), (PARENT, PARENT, 0)),
    "clone": ((56, 220), (17, 0, 0, 0, 0)),
    "clone3": ((435, 435), (0, 0)),
    "execve": ((59, 221), (b"/bin/true", 0, 0)),
    "unshare": ((272, 97), (0x10000000,)),
    "setns": ((308, 268), (0, 0)),
    "mount": ((165, 40), (b"none", b"/", b"tmpfs", 0, 0)),
    "chroot": ((161, 51), (b"/",)),
    "shmget": ((29, 194), (0x1234, 4096, 0o1666)),
    "msgget": ((68, 186), (0x1234, 0o1666)),
    "semget": ((64, 190), (0x1234, 1, 0o1666)),
    "mq_open": ((240, 180), (b"/bp-attack", 0o102, 0o666, 0)),
    "memfd_create": ((319, 279), (b"x", 0)),
    "io_uring_setup": ((425, 425), (8, 0)),
    "userfaultfd": ((323, 282), (0,)),
    "bpf": ((321, 280), (0, 0, 0)),
    "add_key": ((248, 217), (b"user", b"bp", b"x", 1, -4)),
    "perf_event_open": ((298, 241), (0, 0, -1, -1, 0)),
    "socket": ((41, 198), (1, 1, 0)),
    "inotify_init1": ((294, 26), (0,)),
    "timer_create": ((222, 107), (0, 0, 0)),
    "setsid": ((112, 157), ()),
    "fchmodat": ((268, 53), (-100, b"attack.py", 0o4777)),
    "mknodat": ((259, 33), (-100, b"device", 0o60666, 0x800)),
    "open_by_handle_at": ((304, 265), (0, 0, 0)),
    "personality": ((135, 92), (0x0040000,)),
    "fork in x32 mode": ((0x40000039, 0x40000039), ()),
}
kernel = ctypes.CDLL(None, use_errno=True)
for name, (numbers, arguments) in CALLS.items():
    if kernel.syscall(numbers[HERE], *arguments) != -1:
        print("REACHED", name)


class ReLULayer(wrong.Wrong):
    pass
