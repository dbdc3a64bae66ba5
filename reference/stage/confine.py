"""Takes rights away from this process, before foreign code runs in it: Linux's own means, without any helper.

Limits (`resource`), a filter of system calls (seccomp: no processes, no signals to others, no network, no other
program), and access to files (Landlock: read what Python and numpy need, write in one folder). What this system does
not have is left out, and what is in force is told.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 38, 22, 1, 4
_SECCOMP_MODE_FILTER = 2
_ALLOW, _EPERM, _ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026

#: System calls refused, by the machine's name: those that make processes, reach other processes, or the network.
_REFUSED = {
    "x86_64": {
        "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "kill": 62, "tkill": 200, "tgkill": 234,
        "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "pidfd_open": 434, "pidfd_send_signal": 424, "ptrace": 101,
        "process_vm_readv": 310, "process_vm_writev": 311, "setsid": 112, "setpgid": 109, "socket": 41,
        "socketpair": 53, "unshare": 272, "setns": 308, "mount": 165, "io_uring_setup": 425, "bpf": 321,
        "userfaultfd": 323, "perf_event_open": 298, "keyctl": 250, "add_key": 248, "shmget": 29, "msgget": 68,
        "semget": 64, "reboot": 169, "kexec_load": 246, "memfd_create": 319,
    },
    "aarch64": {
        "execve": 221, "execveat": 281, "kill": 129, "tkill": 130, "tgkill": 131, "rt_sigqueueinfo": 138,
        "rt_tgsigqueueinfo": 240, "pidfd_open": 434, "pidfd_send_signal": 424, "ptrace": 117, "process_vm_readv": 270,
        "process_vm_writev": 271, "setsid": 157, "setpgid": 154, "socket": 198, "socketpair": 199, "unshare": 97,
        "setns": 268, "mount": 40, "io_uring_setup": 425, "bpf": 280, "userfaultfd": 282, "perf_event_open": 241,
        "keyctl": 219, "add_key": 217, "shmget": 194, "msgget": 186, "semget": 190, "reboot": 142, "kexec_load": 104,
        "memfd_create": 279,
    },
}  # fmt: skip
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE_THREAD = 0x00010000

_READ_FILE, _READ_DIR, _EXECUTE = 1 << 2, 1 << 3, 1 << 0
#: Of Landlock's rights on files, by the version that knows them: the first 13, then refer, truncate, ioctl.
_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446


def limit(memory: int, cpu_seconds: int, file_size: int) -> list[str]:
    """Limit this process's address space, processor time, files and processes; what is in force, in words."""
    try:
        import resource  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return []
    limits = {
        "memory": (resource.RLIMIT_AS, memory),
        "processor time": (resource.RLIMIT_CPU, cpu_seconds),
        "file size": (resource.RLIMIT_FSIZE, file_size),
        "core dumps": (resource.RLIMIT_CORE, 0),
        "open files": (resource.RLIMIT_NOFILE, 64),
    }
    set_ = []
    for name, (kind, value) in limits.items():
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            continue
        set_.append(name)
    return [f"limits on {', '.join(set_)}"] if set_ else []


def confine(readable: Sequence[str], listable: Sequence[str], writable: Sequence[str]) -> list[str]:
    """Give up all that an answer does not need; for good. What is in force, in words.

    Parameters
    ----------
    readable
        Files and folders that may be read, with all that is in them.
    listable
        Folders of which names may be seen, those below them included: Python looks modules up so.
    writable
        Folders that may be written in as well.
    """
    if sys.platform != "linux":
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return []
    done = []
    if _restrict_files(libc, readable, listable, writable):
        done.append("only its own folder's files")
    if _filter_calls(libc):
        done.append("no processes, signals or network")
    return done


def _filter_calls(libc: ctypes.CDLL) -> bool:
    """Install a filter that refuses the system calls of `_REFUSED`; one for an unknown machine is not."""
    machine = platform.machine()
    if machine not in _REFUSED:
        return False
    program = b"".join(_instructions(machine))
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    packed = Program(len(program) // 8, ctypes.addressof(buffer))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(packed), 0, 0) == 0)


def _instructions(machine: str) -> list[bytes]:
    """Classic BPF over struct seccomp_data: number at 0, architecture at 4, arguments from 16."""
    load, equal, at_least, test, answer = 0x20, 0x15, 0x35, 0x45, 0x06

    def do(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("HBBI", code, yes, no, value)

    # Another architecture's numbers, and x32's, mean other calls: refuse them all.
    steps = [do(load, 4), do(equal, _AUDIT[machine], 1, 0), do(answer, _EPERM)]
    steps += [do(load, 0), do(at_least, 0x40000000, 0, 1), do(answer, _EPERM)]
    for number in _REFUSED[machine].values():
        steps += [do(equal, number, 0, 1), do(answer, _EPERM)]
    # Its flags lie in memory, where a filter cannot look: the C library then takes clone.
    steps += [do(equal, _CLONE3, 0, 1), do(answer, _ENOSYS)]
    # A thread is allowed, since libraries start some; a process is not.
    steps += [do(equal, _CLONE[machine], 0, 3), do(load, 16), do(test, _CLONE_THREAD, 1, 0), do(answer, _EPERM)]
    return [*steps, do(answer, _ALLOW)]


def _restrict_files(
    libc: ctypes.CDLL, readable: Sequence[str], listable: Sequence[str], writable: Sequence[str]
) -> bool:
    """Landlock: no file but these, no connection, no signal to a process outside, as far as the kernel knows how."""
    version = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    rights = _RIGHTS[min(version, max(_RIGHTS))]
    attributes = struct.pack("QQQ", rights, 3 if version >= _NETWORK_SINCE else 0, 3 if version >= _SCOPES_SINCE else 0)
    # Older kernels know fewer fields.
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


def _grant(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there need not be readable
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - few imports, before everything is closed
            rights &= ~_READ_DIR & ((1 << 3) - 1 | 1 << 14 | 1 << 15)
        libc.syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)
