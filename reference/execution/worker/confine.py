"""Takes rights away from this process, for good, before foreign code runs in it.

The means are those of Linux itself: resource limits, no privileges, a filter of system calls (seccomp: no processes or
threads, no signals to others, no network, no other program), and restricted access to files (Landlock: read what Python
and numpy need, write in one folder). What the system does not support is left out. The result says which measures are
in force and which are lacking.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 38, 22, 1, 4
_SECCOMP_MODE_FILTER = 2
_ALLOW, _EPERM, _ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026

#: The numbers of the system calls that are refused, by the machine's architecture: those that make processes or
#: threads, reach other processes or the network, change the machine, or change the metadata of files without
#: opening them, which Landlock does not restrict.
_REFUSED = {
    "x86_64": {
        "fork": 57, "vfork": 58, "clone": 56, "execve": 59, "execveat": 322, "kill": 62, "tkill": 200, "tgkill": 234,
        "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "ptrace": 101, "process_vm_readv": 310,
        "process_vm_writev": 311, "kcmp": 312, "setsid": 112, "setpgid": 109, "socket": 41, "socketpair": 53,
        "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "bpf": 321,
        "userfaultfd": 323, "perf_event_open": 298, "keyctl": 250, "add_key": 248, "request_key": 249, "shmget": 29,
        "shmat": 30, "msgget": 68, "semget": 64, "mq_open": 240, "mq_unlink": 241, "memfd_create": 319, "reboot": 169,
        "kexec_load": 246, "kexec_file_load": 320, "init_module": 175, "finit_module": 313, "delete_module": 176,
        "swapon": 167, "swapoff": 168, "acct": 163, "syslog": 103, "quotactl": 179, "settimeofday": 164,
        "clock_settime": 227, "clock_adjtime": 305, "adjtimex": 159, "sethostname": 170, "setdomainname": 171,
        "iopl": 172, "ioperm": 173, "vhangup": 153, "name_to_handle_at": 303, "open_by_handle_at": 304,
        "fanotify_init": 300, "fanotify_mark": 301, "setpriority": 141, "sched_setscheduler": 144,
        "sched_setparam": 142, "sched_setattr": 314, "sched_setaffinity": 203, "ioprio_set": 251, "migrate_pages": 256,
        "move_pages": 279, "chmod": 90, "fchmod": 91, "fchmodat": 268, "chown": 92, "fchown": 93, "lchown": 94,
        "fchownat": 260, "utime": 132, "utimes": 235, "utimensat": 280, "futimesat": 261, "setxattr": 188,
        "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199,
        "truncate": 76, "mknod": 133, "mknodat": 259, "personality": 135,
    },
    "aarch64": {
        "clone": 220, "execve": 221, "execveat": 281, "kill": 129, "tkill": 130, "tgkill": 131,
        "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "ptrace": 117, "process_vm_readv": 270,
        "process_vm_writev": 271, "kcmp": 272, "setsid": 157, "setpgid": 154, "socket": 198, "socketpair": 199,
        "unshare": 97, "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "bpf": 280,
        "userfaultfd": 282, "perf_event_open": 241, "keyctl": 219, "add_key": 217, "request_key": 218, "shmget": 194,
        "shmat": 196, "msgget": 186, "semget": 190, "mq_open": 180, "mq_unlink": 181, "memfd_create": 279,
        "reboot": 142, "kexec_load": 104, "kexec_file_load": 294, "init_module": 105, "finit_module": 273,
        "delete_module": 106, "swapon": 224, "swapoff": 225, "acct": 89, "syslog": 116, "quotactl": 60,
        "settimeofday": 170, "clock_settime": 112, "clock_adjtime": 266, "adjtimex": 171, "sethostname": 161,
        "setdomainname": 162, "vhangup": 58, "name_to_handle_at": 264, "open_by_handle_at": 265, "fanotify_init": 262,
        "fanotify_mark": 263, "setpriority": 140, "sched_setscheduler": 119, "sched_setparam": 118,
        "sched_setattr": 274, "sched_setaffinity": 122, "ioprio_set": 30, "migrate_pages": 238, "move_pages": 239,
        "fchmod": 52, "fchmodat": 53, "fchown": 55, "fchownat": 54, "utimensat": 88, "setxattr": 5, "lsetxattr": 6,
        "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16, "truncate": 45, "mknodat": 33,
        "personality": 92,
    },
}  # fmt: skip
#: System calls from 424 on have the same number on every architecture, and newer ones will be added: all but the known
#: ones are answered as if the kernel did not have them.
_NEW, _NEW_KNOWN = 424, (436, 439, 441, 449)  # close_range, faccessat2, epoll_pwait2, futex_waitv
#: System calls that are refused for some values of one argument: the call's number, the argument's position, and the
#: values. They send signals by way of a file descriptor (fcntl), put input into a terminal or send signals (ioctl), and
#: undo what is set below for this process (prctl).
_REFUSED_WITH: dict[str, tuple[tuple[int, int, tuple[int, ...]], ...]] = {
    "x86_64": ((72, 1, (8, 10, 15)), (16, 1, (0x5412, 0x8901, 0x8902)), (157, 0, (1, 4))),
    "aarch64": ((25, 1, (8, 10, 15)), (29, 1, (0x5412, 0x8901, 0x8902)), (167, 0, (1, 4))),
}
_PRLIMIT = {"x86_64": 302, "aarch64": 261}
#: The system calls that open files, each with the position of its flags: old versions of Landlock let a process
#: truncate files that it may only read.
_OPENING = {"x86_64": ((2, 1), (257, 2)), "aarch64": ((56, 2),)}
_O_TRUNC, _O_ACCMODE = 0x200, 3
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_READ_FILE, _READ_DIR, _EXECUTE = 1 << 2, 1 << 3, 1 << 0
#: The bits of all access rights that each version of Landlock knows: 13 at first, then also refer, truncate, ioctl.
_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446


@dataclass
class Measures:
    """Descriptions of the measures that confine this process: those in force, and those that are lacking here."""

    in_force: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    #: Whether this process can start no other one.
    cannot_fork: bool = False

    def note(self, success: bool, in_force: str, lacking: str) -> None:
        """Add the description of a measure: ``in_force`` if it succeeded, else ``lacking``."""
        if success:
            self.in_force.append(in_force)
        else:
            self.lacking.append(lacking)


def limit(memory: int, cpu_seconds: int, file_size: int) -> Measures:
    """Set resource limits for this process.

    Parameters
    ----------
    memory
        Bytes of address space.
    cpu_seconds
        Seconds of processor time, after which the kernel ends the process.
    file_size
        Bytes that a file may grow to.
    """
    measures = Measures()
    try:
        import resource  # noqa: PLC0415 - absent on Windows
    except ImportError:
        measures.lacking.append("limits on memory and processor time")
        return measures
    limits = {
        "memory": (resource.RLIMIT_AS, memory),
        "processor time": (resource.RLIMIT_CPU, cpu_seconds),
        "file size": (resource.RLIMIT_FSIZE, file_size),
        "core dumps": (resource.RLIMIT_CORE, 0),
        "open files": (resource.RLIMIT_NOFILE, 64),
    }
    if os.geteuid() != 0:
        # The user has at least this process, so that it can start no other. The limit does not hold for root.
        limits["processes"] = (resource.RLIMIT_NPROC, 1)
    set_, not_set = [], []
    for name, (kind, value) in limits.items():
        try:
            resource.setrlimit(kind, (value, value))
            set_.append(name)
        except (ValueError, OSError):
            not_set.append(name)
    if set_:
        measures.in_force.append(f"limits on {', '.join(set_)}")
    if not_set:
        measures.lacking.append(f"limits on {', '.join(not_set)}")
    return measures


def confine(readable: Sequence[str], listable: Sequence[str], writable: Sequence[str]) -> Measures:
    """Give up, for good, every right that replying to the examiner does not need.

    Parameters
    ----------
    readable
        Files and folders that may be read, with everything in them.
    listable
        Folders whose entries may be listed, at every level: Python lists folders to find modules.
    writable
        Folders in which files may be read and written.
    """
    measures = Measures()
    files, calls = "only its own folder's files", "no processes, threads, signals or network"
    if sys.platform != "linux":
        measures.lacking += [f"a filter of system calls ({calls})", f"access control ({files})"]
        return measures
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if not _drop_privileges(libc) and os.geteuid() == 0:
        measures.lacking.append("giving up root's privileges")
    no_new_privileges = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    restricted = no_new_privileges and _restrict_files(libc, readable, listable, writable)
    measures.note(restricted, files, f"access control by Landlock ({files})")
    measures.cannot_fork = no_new_privileges and _filter_calls(libc)
    measures.note(measures.cannot_fork, calls, f"a filter of system calls by seccomp ({calls})")
    return measures


def _drop_privileges(libc: ctypes.CDLL) -> bool:
    """Give up all capabilities, so that even root can no longer raise a limit or set the clock; whether that worked."""
    header = struct.pack("=Ii", 0x20080522, 0)
    number = {"x86_64": 126, "aarch64": 91}.get(platform.machine())
    return number is not None and libc.syscall(number, header, bytes(24)) == 0


def _filter_calls(libc: ctypes.CDLL) -> bool:
    """Install a filter that refuses the system calls above; whether that worked: not on an unknown architecture."""
    machine = platform.machine()
    if machine not in _REFUSED:
        return False
    program = b"".join(_instructions(machine))
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


def _instructions(machine: str) -> list[bytes]:
    """The filter as a program in classic BPF.

    It reads struct seccomp_data: the call's number at byte 0, the architecture at 4, the arguments from 16 on.
    """
    # On another architecture, and in x32 mode, the numbers mean other calls: refuse them all.
    steps = [_do(_LOAD, 4), _do(_EQUAL, _AUDIT[machine], 1, 0), _do(_RETURN, _EPERM)]
    steps += [_do(_LOAD, 0), _do(_AT_LEAST, 0x40000000, 0, 1), _do(_RETURN, _EPERM)]
    for number in _REFUSED[machine].values():
        steps += _when(number, [_do(_RETURN, _EPERM)])
    for number, place, values in _REFUSED_WITH[machine]:
        steps += _when(number, [_argument(place), *_refuse_values(values), _do(_RETURN, _ALLOW)])
    steps += _when(_PRLIMIT[machine], [_argument(0), _do(_EQUAL, 0, 1, 0), _do(_RETURN, _EPERM), _do(_RETURN, _ALLOW)])
    for number, place in _OPENING[machine]:
        flags = [_argument(place), _do(_AND, _O_TRUNC | _O_ACCMODE), *_refuse_values((_O_TRUNC,))]
        steps += _when(number, [*flags, _do(_RETURN, _ALLOW)])
    for number in _NEW_KNOWN:
        steps += _when(number, [_do(_RETURN, _ALLOW)])
    # Newer calls are answered with ENOSYS: the C library then uses older ones, whose arguments a filter can read.
    return [*steps, _do(_AT_LEAST, _NEW, 0, 1), _do(_RETURN, _ENOSYS), _do(_RETURN, _ALLOW)]


def _when(number: int, then: Sequence[bytes]) -> Iterable[bytes]:
    """Instructions for the call of that number alone; ``then`` must end with a decision in any case."""
    return [_do(_EQUAL, number, 0, len(then)), *then]


def _refuse_values(values: Sequence[int]) -> Iterable[bytes]:
    return [step for value in values for step in (_do(_EQUAL, value, 0, 1), _do(_RETURN, _EPERM))]


def _restrict_files(
    libc: ctypes.CDLL, readable: Sequence[str], listable: Sequence[str], writable: Sequence[str]
) -> bool:
    """Restrict access to files with Landlock; whether that worked.

    Newer kernels also forbid TCP connections and signals to processes outside.
    """
    version = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    rights = _RIGHTS[min(version, max(_RIGHTS))]
    attributes = struct.pack("QQQ", rights, 3 if version >= _NETWORK_SINCE else 0, 3 if version >= _SCOPES_SINCE else 0)
    # Older kernels accept only the first fields.
    attributes = attributes[: 24 if version >= _SCOPES_SINCE else 16 if version >= _NETWORK_SINCE else 8]
    rules = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if rules < 0:
        return False
    try:
        reading = _READ_FILE | _READ_DIR | _EXECUTE
        for paths, granted in ((readable, reading), (listable, _READ_DIR), (writable, rights)):
            for path in paths:
                _grant(libc, rules, path, granted & rights)
        return bool(libc.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _grant(libc: Any, rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # a path that does not exist needs no right
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - few imports, before everything is closed
            rights &= ~_READ_DIR & ((1 << 3) - 1 | 1 << 14 | 1 << 15)
        libc.syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)
