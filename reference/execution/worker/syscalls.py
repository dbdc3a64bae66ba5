"""A filter of system calls (seccomp) that lets through only what Python and numpy need in a worker process.

What is not on the list is refused: whatever makes processes or threads, reaches other processes, their queues and their
shared memory, opens the network, watches or leases files, changes the metadata of files, or changes the machine. A call
that a later kernel adds is refused as well, until somebody puts it on the list.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Iterable, Sequence

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_ALLOW, _EPERM, _ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
_MACHINES = ("x86_64", "aarch64")
_AUDIT = (0xC000003E, 0xC00000B7)

#: The system calls that are let through, with their numbers on x86_64 and on aarch64; None where it does not exist.
_ALLOWED: dict[str, tuple[int, int | None]] = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "pwrite64": (18, 68), "preadv": (295, 69), "pwritev": (296, 70), "lseek": (8, 62), "close": (3, 57),
    "open": (2, None), "openat": (257, 56), "creat": (85, None), "dup": (32, 23), "dup2": (33, None),
    "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59), "fcntl": (72, 25), "ioctl": (16, 29),
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72), "sendfile": (40, 71),
    "copy_file_range": (326, 285), "epoll_create": (213, None), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_wait": (232, None), "epoll_pwait": (281, 22), "eventfd2": (290, 19), "stat": (4, None), "fstat": (5, 80),
    "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291), "statfs": (137, 43), "fstatfs": (138, 44),
    "access": (21, None), "faccessat": (269, 48), "readlink": (89, None), "readlinkat": (267, 78),
    "getdents": (78, None), "getdents64": (217, 61), "getxattr": (191, 8), "lgetxattr": (192, 9),
    "fgetxattr": (193, 10), "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13),
    "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50), "mkdir": (83, None), "mkdirat": (258, 34),
    "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36),
    "umask": (95, 166), "ftruncate": (77, 46), "fallocate": (285, 47), "fadvise64": (221, 223),
    "readahead": (187, 213), "fsync": (74, 82), "fdatasync": (75, 83), "brk": (12, 214), "mmap": (9, 222),
    "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216), "msync": (26, 227), "mincore": (27, 232),
    "madvise": (28, 233), "get_mempolicy": (239, 236), "membarrier": (324, 283), "arch_prctl": (158, None),
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "set_tid_address": (218, 96),
    "restart_syscall": (219, 128), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136), "rt_sigsuspend": (130, 133),
    "rt_sigtimedwait": (128, 137), "sigaltstack": (131, 132), "alarm": (37, None), "pause": (34, None),
    "getitimer": (36, 102), "setitimer": (38, 103), "nanosleep": (35, 101), "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None),
    "times": (100, 153), "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getpgid": (121, 155),
    "getpgrp": (111, None), "getsid": (124, 156), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150), "getgroups": (115, 158),
    "capget": (125, 90), "getpriority": (140, 141), "getrlimit": (97, 163), "setrlimit": (160, 164),
    "prlimit64": (302, 261), "getrusage": (98, 165), "prctl": (157, 167), "uname": (63, 160), "sysinfo": (99, 179),
    "getcpu": (309, 168), "getrandom": (318, 278), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121), "sched_getscheduler": (145, 120), "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
#: Calls of which only some uses are let through: the position of the argument that tells, and its permitted values.
_ALLOWED_WITH: dict[str, tuple[int, tuple[int, ...]]] = {
    # Duplicate, get and set flags, lock; not leases (1024), notifications (1026) or signals by a descriptor.
    "fcntl": (1, (0, 1, 2, 3, 4, 5, 6, 7, 1030)),
    # What Python asks of a descriptor: is it a terminal, how wide, how much can be read; close-on-exec; non-blocking.
    "ioctl": (1, (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
    # The name of the thread, the set of capabilities, and the names that the C library gives to its memory.
    "prctl": (0, (15, 16, 23, 0x53564D41)),
    # The limits of this process alone.
    "prlimit64": (0, (0,)),
}
#: The calls that open files, each with the position of its flags. Refused are flags that truncate a file which is
#: opened for reading, as old versions of Landlock do not forbid it, and files without a name, which nobody can count.
_OPENING = {"open": 1, "openat": 2}
_O_TRUNC, _O_ACCMODE, _O_TMPFILE = 0x200, 3, 0x400000
#: System calls from 424 on have the same number on every architecture. Those that are not known are answered as if the
#: kernel did not have them: the C library then uses older ones, whose arguments a filter can read.
_NEW, _NEW_ALLOWED = 424, (436, 439, 441, 449)  # close_range, faccessat2, epoll_pwait2, futex_waitv


def install(libc: ctypes.CDLL) -> bool:
    """Install the filter in this process, for good; whether that worked: it does not on an unknown architecture."""
    machine = platform.machine()
    if machine not in _MACHINES:
        return False
    program = b"".join(_instructions(_MACHINES.index(machine)))
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    packed = Program(len(program) // 8, ctypes.addressof(buffer))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(packed), 0, 0) == 0)


_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06


def _do(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


def _argument(place: int) -> bytes:
    """Load the lower half of the argument at a position; both architectures are little-endian."""
    return _do(_LOAD, 16 + 8 * place)


def _instructions(machine: int) -> list[bytes]:
    """The filter as a program in classic BPF, for the architecture at that place of `_MACHINES`.

    It reads struct seccomp_data: the call's number at byte 0, the architecture at 4, the arguments from 16 on.
    """
    # On another architecture, and in x32 mode, the numbers mean other calls: refuse them all.
    steps = [_do(_LOAD, 4), _do(_EQUAL, _AUDIT[machine], 1, 0), _do(_RETURN, _EPERM)]
    steps += [_do(_LOAD, 0), _do(_AT_LEAST, 0x40000000, 0, 1), _do(_RETURN, _EPERM)]
    for name, numbers in _ALLOWED.items():
        number = numbers[machine]
        if number is not None:
            steps += _when(number, list(_decision(name)))
    for number in _NEW_ALLOWED:
        steps += _when(number, [_do(_RETURN, _ALLOW)])
    return [*steps, _do(_AT_LEAST, _NEW, 0, 1), _do(_RETURN, _ENOSYS), _do(_RETURN, _EPERM)]


def _decision(name: str) -> Iterable[bytes]:
    """The instructions that decide on a call whose number is on the list."""
    if name in _ALLOWED_WITH:
        place, values = _ALLOWED_WITH[name]
        return [_argument(place), *_answer(values, _ALLOW), _do(_RETURN, _EPERM)]
    if name in _OPENING:
        flags = _argument(_OPENING[name])
        truncating = [flags, _do(_AND, _O_TRUNC | _O_ACCMODE), *_answer((_O_TRUNC,), _EPERM)]
        nameless = [flags, _do(_AND, _O_TMPFILE), *_answer((_O_TMPFILE,), _EPERM)]
        return [*truncating, *nameless, _do(_RETURN, _ALLOW)]
    return [_do(_RETURN, _ALLOW)]


def _when(number: int, then: Sequence[bytes]) -> Iterable[bytes]:
    """Instructions for the call of that number alone; ``then`` must end with a decision in any case."""
    return [_do(_EQUAL, number, 0, len(then)), *then]


def _answer(values: Sequence[int], answer: int) -> Iterable[bytes]:
    """Give that answer where the value that was loaded is one of these."""
    return [step for value in values for step in (_do(_EQUAL, value, 0, 1), _do(_RETURN, answer))]
