"""The process in which foreign code runs: gives up its rights, finds the classes, and answers frame after frame."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import confine, frames, loading, perform, standins


def main(settings: str) -> None:
    """Serve until the other side closes; ``settings`` is what `reference.sandbox` writes."""
    given: dict[str, Any] = json.loads(settings)
    receive, send = _receiver(given["questions"]), _sender(given["answers"])
    in_force = confine.limit(given["memory"], given["cpu_seconds"], given["file_size"])
    in_force += confine.confine(given["readable"], given["listable"], given["writable"])
    finder = standins.Finder()
    sys.meta_path.append(finder)
    sys.argv = [given["root"]]
    found = loading.load(Path(given["root"]), given["wanted"], given["optional"], given["seconds"])
    send({**loading.as_mapping(found), "in_force": in_force, "stand_ins": sorted(set(finder.names))})
    while True:
        try:
            steps = frames.unpacked(receive)
        except EOFError:
            break
        send(perform.perform(found.classes, steps))
    os._exit(0)  # what the submission wants to do at its end is nobody's concern


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
