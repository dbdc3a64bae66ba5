"""A program that does what bubblewrap's manual says of the options that we use, for machines where it is not installed.

It is run by itself, as ``bwrap OPTIONS COMMAND``, needs Linux with namespaces for users, and knows no other option.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

#: By how many words follow an option.
FOLLOWING = {
    **dict.fromkeys(("--unshare-all", "--die-with-parent", "--new-session"), 0),
    **dict.fromkeys(("--cap-drop", "--proc", "--dev", "--tmpfs", "--chdir", "--remount-ro"), 1),
    **dict.fromkeys(("--ro-bind", "--ro-bind-try", "--bind"), 2),
}
#: Mounts, names of the machine, queues, users, processes, network and control groups.
_ALL_NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x02000000
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _NO_PROGRAMS, _REMOUNT, _BIND, _RECURSIVE, _SLAVE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    16384,
    1 << 19,
)
_PLAIN = _NO_SETUID | _NO_DEVICES
_DETACH, _DIES_WITH_PARENT, _DROP_FROM_BOUND, _NO_NEW_PRIVILEGES = 2, 1, 24, 38
_NUMBERS = {"x86_64": (155, 126), "aarch64": (41, 91)}
PIVOT_ROOT, CAPSET = _NUMBERS.get(os.uname().machine, (0, 0)) if hasattr(os, "uname") else (0, 0)
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LIBC = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def call(name: str, *arguments: object) -> None:
    words = [os.fsencode(each) if isinstance(each, str | Path) else each for each in arguments]
    if getattr(LIBC, name)(*words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def mount(
    source: str | Path | None, place: str | Path, kind: str | None, flags: int, options: str | None = None
) -> None:
    call("mount", source, place, kind, ctypes.c_ulong(flags), options)


def split(words: list[str]) -> tuple[list[tuple[str, ...]], list[str]]:
    """The options, each with the words that follow it, and the command."""
    options, rest = [], list(words)
    while rest[0].startswith("--"):
        n = 1 + FOLLOWING[rest[0]]
        options.append(tuple(rest[:n]))
        del rest[:n]
    return options, rest


def enter_namespaces() -> None:
    """Be the first process in namespaces of its own; this process waits for it and ends as it does."""
    user, group = os.getuid(), os.getgid()
    call("prctl", _DIES_WITH_PARENT, 9, 0, 0, 0)
    call("unshare", _ALL_NAMESPACES)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(text, encoding="ascii")
    follow(os.fork())
    call("prctl", _DIES_WITH_PARENT, 9, 0, 0, 0)


def follow(child: int) -> None:
    """In the parent of a process that was forked: wait for it, and end as it does."""
    while child:
        ended, status = os.wait()
        if ended == child:
            os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


def make_root(options: list[tuple[str, ...]]) -> None:
    """Make an empty file system the root, and mount in it what the options say, in their order."""
    mount(None, "/", None, _SLAVE | _RECURSIVE)
    mount("tmpfs", "/mnt", "tmpfs", _PLAIN, "mode=755")
    for name in ("new", "old"):
        Path("/mnt", name).mkdir()
    mount("tmpfs", "/mnt/new", "tmpfs", _PLAIN, "mode=755")
    call("syscall", PIVOT_ROOT, "/mnt", "/mnt/old")
    for option, *paths in options:
        if "bind" in option:
            bind(paths[0], Path(f"/new{paths[1]}"), option)
        elif option in {"--tmpfs", "--proc", "--dev", "--remount-ro"}:
            fill(option, Path(f"/new{paths[0]}"))
    call("umount2", "/old", _DETACH)
    os.chdir("/new")
    call("syscall", PIVOT_ROOT, ".", ".")
    call("umount2", ".", _DETACH)


def bind(path: str, place: Path, option: str) -> None:
    source = Path(f"/old{path}")
    if option == "--ro-bind-try" and not source.exists():
        return
    if source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    elif not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    mount(source, place, None, _BIND | _RECURSIVE)
    mount(None, place, None, _BIND | _REMOUNT | _PLAIN | (0 if option == "--bind" else _READ_ONLY))


def fill(option: str, place: Path) -> None:
    if option == "--remount-ro":
        mount(None, place, None, _BIND | _REMOUNT | _READ_ONLY | _PLAIN)
        return
    place.mkdir(parents=True, exist_ok=True)
    if option == "--proc":
        mount("proc", place, "proc", _PLAIN | _NO_PROGRAMS)
        return
    mount("tmpfs", place, "tmpfs", _PLAIN, "mode=755")
    for name in _DEVICES if option == "--dev" else ():
        (place / name).touch()
        mount(f"/old/dev/{name}", place / name, None, _BIND)


def main() -> None:
    options, command = split(sys.argv[1:])
    enter_namespaces()
    make_root(options)
    if ("--new-session",) in options:
        os.setsid()
    if ("--cap-drop", "ALL") in options:
        for number in range(64):
            ctypes.CDLL(None).prctl(_DROP_FROM_BOUND, number, 0, 0, 0)
        call("syscall", CAPSET, struct.pack("=Ii", 0x20080522, 0), bytes(24))
    call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    os.chdir(next((each[1] for each in options if each[0] == "--chdir"), "/"))
    follow(os.fork())
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
