"""The process in which foreign code runs: gives up its rights, finds the classes, and answers frame after frame."""

from __future__ import annotations

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
    """Serve until the other side closes; ``settings`` is what `reference.execution.sandbox` writes."""
    given: dict[str, Any] = json.loads(settings)
    receive, send = _receiver(given["questions"]), _sender(given["answers"])
    force = confine.limit(given["memory"], given["cpu_seconds"], given["file_size"])
    rights = confine.confine(given["readable"], given["listable"], given["writable"])
    # Before anything foreign runs, which could say so too. The processor time is what a measure of it from outside has
    # to give at least.
    send({"done": force.done + rights.done, "lacking": force.lacking + rights.lacking, "spent": time.process_time()})
    finder = standins.Finder(given["writable"][0])
    sys.meta_path.append(finder)
    sys.argv = [given["root"]]
    limits = given["seconds"], given["wall"]
    found = loading.load(Path(given["root"]), given["wanted"], given["optional"], *limits)
    send({**loading.as_mapping(found), "stand_ins": sorted(set(finder.names))})
    while True:
        try:
            question = frames.unpacked(receive, frames.REQUEST)
        except EOFError:
            break
        several = question if question and type(question[0]) is list else [question]
        replies = [reply for steps in several for reply in perform.perform(found.classes, steps)]
        try:
            send(replies)
        except frames.FrameError:
            send(_sendable(replies))
    os._exit(0)  # what the submission wants to do at its end is nobody's concern


def _sendable(replies: list[Reply]) -> list[Reply]:
    """The replies, without the values that do not fit."""
    most = frames.MAX_BYTES // len(replies)
    return [each if _fits(each, most) else Reply(Unusable("more than fits into an answer")) for each in replies]


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
