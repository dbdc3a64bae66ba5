"""The filter of system calls, read as the kernel reads it, also for the processor that this machine does not have."""

from __future__ import annotations

import ctypes
import re
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest

from reference.execution.worker import confine, syscalls

pytestmark = pytest.mark.system

#: The kernel's own tables, where its headers are installed. That of aarch64 is the generic one.
HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
_DEFINED = re.compile(r"^#define (__NR(?:3264)?_\w+)\s+(\w+)", re.MULTILINE)
ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026


def numbers(header: Path) -> dict[str, int]:
    """The numbers of the system calls, by their names."""
    found = dict(_DEFINED.findall(header.read_text(encoding="ascii")))
    # Of some calls the generic table says that their number is that of another name: a 64-bit system has those.
    values = {name: found.get(value, value) for name, value in found.items()}
    return {
        name.partition("_NR_")[2]: int(value)
        for name, value in values.items()
        if value.isdigit() and "3264" not in name
    }


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_the_kernels(machine: str) -> None:
    """Each call that is let through has the number that the kernel's headers give it on that processor."""
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    kernel, place = numbers(header), syscalls._MACHINES.index(machine)
    ours = {name: each[place] for name, each in syscalls._ALLOWED.items() if each[place] is not None}
    assert ours == {name: kernel.get(name) for name in ours}
    lacking = [name for name, each in syscalls._ALLOWED.items() if each[place] is None and name in kernel]
    assert lacking == []
    assert kernel["capset"] == confine._CAPSET[machine]


def answer(machine: str, number: int, arguments: Iterable[int] = (), *, audit: int | None = None) -> int:
    """What the filter answers to a call: its program is run as the kernel does."""
    place = syscalls._MACHINES.index(machine)
    code = syscalls._AUDIT[place] if audit is None else audit
    given = [*arguments, *[0] * 6][:6]
    data = struct.pack("<IIQ6Q", number, code, 0, *given)
    steps = [struct.unpack("<HBBI", each) for each in syscalls._instructions(place)]
    value = at = 0
    while True:
        operation, yes, no, constant = steps[at]
        at += 1
        if operation == syscalls._RETURN:
            return int(constant)
        if operation == syscalls._LOAD:
            (value,) = struct.unpack_from("<I", data, constant)
        elif operation == syscalls._AND:
            value &= constant
        else:
            holds = value == constant if operation == syscalls._EQUAL else value >= constant
            assert operation in {syscalls._EQUAL, syscalls._AT_LEAST}
            at += yes if holds else no


@pytest.mark.parametrize("machine", syscalls._MACHINES)
def test_what_is_on_the_list_alone_is_let_through(machine: str) -> None:
    """Every other number is refused, and one of a later kernel is answered as if it did not exist."""
    place = syscalls._MACHINES.index(machine)
    listed = {each[place] for each in syscalls._ALLOWED.values()} | set(syscalls._NEW_ALLOWED)
    for number in range(600):
        if number not in listed:
            assert answer(machine, number) == (EPERM if number < syscalls._NEW else ENOSYS)
        elif number != syscalls._ALLOWED["prctl"][place] and number != syscalls._ALLOWED["ioctl"][place]:
            assert answer(machine, number) == ALLOW
    assert answer(machine, 0x40000000) == EPERM
    # A program for a 32-bit processor gives the numbers other meanings.
    assert answer(machine, syscalls._ALLOWED["read"][place] or 0, audit=0x40000003) == EPERM


@pytest.mark.parametrize("machine", syscalls._MACHINES)
def test_uses_of_a_call_are_told_apart(machine: str) -> None:
    """A file may be opened, but not truncated while it is only read; locks are let through, leases are not."""
    place = syscalls._MACHINES.index(machine)
    openat, fcntl, limits = (syscalls._ALLOWED[name][place] or 0 for name in ("openat", "fcntl", "prlimit64"))
    assert answer(machine, openat, (0, 0, 0x241)) == ALLOW  # for writing, made anew
    assert answer(machine, openat, (0, 0, 0x200)) == EPERM
    assert answer(machine, openat, (0, 0, 0x410002)) == EPERM  # a file without a name
    assert answer(machine, fcntl, (3, 6)) == ALLOW
    assert answer(machine, fcntl, (3, 1024)) == EPERM
    assert [answer(machine, limits, (process, 7)) for process in (0, 1)] == [ALLOW, EPERM]


def test_no_filter_for_an_unknown_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """On another processor the numbers would mean other calls: there is no filter, and that is told."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert not syscalls.install(ctypes.CDLL(None))
