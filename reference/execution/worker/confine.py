"""Takes rights away from this process, for good, before foreign code runs in it.

The means are those of Linux itself: resource limits, no privileges, a file system of limited size to write in, a filter
of system calls (seccomp: no processes or threads, no signals to others, no network, no other program), and restricted
access to files (Landlock: read what Python and numpy need, write in one folder). What the system does not support is
left out. The result says which measures are in force and which are lacking.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import private_files, syscalls

_PR_SET_NO_NEW_PRIVS, _PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 38, 1, 4

_READ_FILE, _READ_DIR, _EXECUTE, _REMOVE_FILE = 1 << 2, 1 << 3, 1 << 0, 1 << 5
#: The bits of all access rights that each version of Landlock knows: 13 at first, then also refer, truncate, ioctl.
_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
#: The system call that gives up capabilities, by architecture.
_CAPSET = {"x86_64": 126, "aarch64": 91}
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


def confine(
    readable: Sequence[str], listable: Sequence[str], writable: Sequence[str], most_bytes: int, most_files: int
) -> Measures:
    """Give up, for good, every right that replying to the examiner does not need.

    Parameters
    ----------
    readable
        Files and folders that may be read, with everything in them.
    listable
        Folders whose entries may be listed, at every level: Python lists folders to find modules.
    writable
        Folders in which files may be read and written; of the first, the size is limited.
    most_bytes, most_files
        What all files in that folder may hold together, those included that were removed and are still open.
    """
    measures = Measures()
    files, calls = "only its own folder's files", "no processes, threads, signals or network"
    if sys.platform != "linux":
        measures.lacking += [f"a filter of system calls ({calls})", f"access control ({files})"]
        return measures
    libc = ctypes.CDLL(None, use_errno=True)
    # First of all, since the other measures forbid what it needs.
    bounded = private_files.take(libc, writable[0], most_bytes, most_files)
    libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if not _drop_privileges(libc) and os.geteuid() == 0:
        measures.lacking.append("giving up root's privileges")
    no_new_privileges = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    restricted = no_new_privileges and _restrict_files(libc, readable, listable, writable, removing=bounded)
    measures.note(restricted, files, f"access control by Landlock ({files})")
    # A file that nobody can remove stays where the examiner counts it.
    counted = f"at most {most_bytes >> 20} MiB of files" + ("" if bounded else ", of which none can be removed")
    measures.note(bounded or restricted, counted, "a limit on the size of all files, removed ones included")
    measures.cannot_fork = no_new_privileges and syscalls.install(libc)
    measures.note(measures.cannot_fork, calls, f"a filter of system calls by seccomp ({calls})")
    return measures


def _drop_privileges(libc: ctypes.CDLL) -> bool:
    """Give up all capabilities, so that even root can no longer raise a limit or set the clock; whether that worked."""
    header = struct.pack("=Ii", 0x20080522, 0)
    number = _CAPSET.get(platform.machine())
    return number is not None and libc.syscall(number, header, bytes(24)) == 0


def _restrict_files(
    libc: ctypes.CDLL, readable: Sequence[str], listable: Sequence[str], writable: Sequence[str], *, removing: bool
) -> bool:
    """Restrict access to files with Landlock; whether that worked. Without ``removing`` no file can be removed.

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
        writing = rights if removing else rights & ~_REMOVE_FILE
        for paths, granted in ((readable, reading), (listable, _READ_DIR), (writable, writing)):
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
