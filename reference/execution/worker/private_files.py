"""Gives this process a file system of its own to write in, which can hold no more than a fixed number of bytes.

Limits on the size of a file and a look at the folder from outside do not bound what a process can write in all: a file
that was removed while it is open or mapped takes up room and can be seen nowhere. A file system in memory (tmpfs) of a
limited size bounds that too, and it is gone when the process ends. It needs a mount namespace, which root can make, and
others where the system lets them have a user namespace.
"""

from __future__ import annotations

import ctypes
import os
import sys

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_PRIVATE, _RECURSIVE, _NO_SETUID, _NO_DEVICES = 1 << 18, 1 << 14, 2, 4
_DETACH = 2
_CHUNK = 2**20


def take(libc: ctypes.CDLL, folder: str, most_bytes: int, most_files: int) -> bool:
    """Put a private file system in the place of a folder, with copies of the files in it; whether that worked.

    Parameters
    ----------
    libc
        The C library.
    folder
        An absolute path. It becomes the current folder.
    most_bytes, most_files
        What the file system can hold, the copies included.
    """
    if sys.platform != "linux" or not _own_mounts(libc):
        return False
    options = f"size={most_bytes},nr_inodes={most_files},mode=700".encode()
    before = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", _NO_SETUID | _NO_DEVICES, options) != 0:
            return False
        _copy(f"/proc/self/fd/{before}", folder)
        os.chdir(folder)
    except OSError:
        libc.umount2(os.fsencode(folder), _DETACH)
        return False
    finally:
        os.close(before)
    return True


def _own_mounts(libc: ctypes.CDLL) -> bool:
    """Enter a mount namespace of our own, from which nothing reaches the others; whether that worked."""
    if libc.unshare(_NEW_MOUNTS) != 0:
        user, group = os.geteuid(), os.getegid()
        if libc.unshare(_NEW_USER | _NEW_MOUNTS) != 0:
            return False
        try:
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - few imports
                    file.write(text)
        except OSError:
            return False
    return bool(libc.mount(None, b"/", None, _RECURSIVE | _PRIVATE, None) == 0)


def _copy(source: str, target: str) -> None:
    """Copy the regular files and the folders in a folder, of which the examiner has made all."""
    with os.scandir(source) as entries:
        for entry in entries:
            place = os.path.join(target, entry.name)  # noqa: PTH118 - few imports
            if entry.is_dir(follow_symlinks=False):
                os.mkdir(place)  # noqa: PTH102
                _copy(entry.path, place)
            elif entry.is_file(follow_symlinks=False):
                with open(entry.path, "rb") as read, open(place, "xb") as written:  # noqa: PTH123
                    while part := read.read(_CHUNK):
                        written.write(part)
