"""The main program of the worker process: it gives up its rights, finds the classes, and replies to requests."""

from __future__ import annotations

import builtins
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import confine, frames, loading, perform, standins
from .protocol import Reply, Unusable


def main(settings: str) -> None:
    """Reply to requests until the examiner closes the pipe; ``settings`` is the JSON that `Sandbox._command` writes."""
    given: dict[str, Any] = json.loads(settings)
    receive, send = _receiver(given["requests"]), _sender(given["replies"])
    limits = confine.limit(given["memory"], given["cpu_seconds"], given["file_size"])
    places = (given["readable"], given["listable"], given["writable"])
    rights = confine.confine(*places, given["most_bytes"], given["most_files"])
    # This is sent before any foreign code runs, which could forge it. The processor time is for comparison: a
    # measurement from outside cannot be right if it gives less.
    in_force, lacking = limits.in_force + rights.in_force, limits.lacking + rights.lacking
    measures = {"in_force": in_force, "lacking": lacking, "cannot_fork": rights.cannot_fork}
    send({**measures, "spent": time.process_time()})
    finder = standins.Finder(given["writable"][0])
    sys.meta_path.append(finder)
    sys.argv = [given["root"]]
    # These names come from `site`, which is not imported here.
    vars(builtins).update(exit=sys.exit, quit=sys.exit)
    found = loading.load(Path(given["root"]), given["wanted"], given["optional"], given["seconds"], given["wall"])
    standins.used_by_import.update(standins.used)
    send({**loading.as_mapping(found), "stand_ins": sorted(set(finder.names))})
    root = Path(given["root"]).resolve()
    base = str(root if root.is_dir() else root.parent)
    while True:
        try:
            request = frames.unpacked(receive, frames.REQUEST)
        except EOFError:
            break
        several = request if request and type(request[0]) is list else [request]
        replies = [reply for steps in several for reply in perform.perform(found.classes, steps, base)]
        try:
            send(replies)
        except frames.FrameError:
            send(_sendable(replies))
    os._exit(0)  # at once, so that nothing that the submission has registered for the exit runs


def _sendable(replies: list[Reply]) -> list[Reply]:
    """The replies, with `Unusable` in the place of each that is too large for its part of the frame."""
    most = frames.MAX_BYTES // len(replies)
    return [each if _fits(each, most) else Reply(Unusable("more than fits into a reply")) for each in replies]


def _fits(reply: Reply, most: int) -> bool:
    try:
        return len(frames.packed(reply)) <= most
    except frames.FrameError:
        return False


def _receiver(descriptor: int) -> Callable[[int], bytes]:
    read = os.read

    def receive(n: int) -> bytes:
        parts = []
        while n:
            part = read(descriptor, min(n, 2**20))
            if not part:
                raise EOFError
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    return receive


def _sender(descriptor: int) -> Callable[[Any], None]:
    write, packed = os.write, frames.packed

    def send(value: Any) -> None:
        rest = memoryview(packed(value))
        while rest:
            rest = rest[write(descriptor, rest) :]

    return send
