"""Whatever is handed in, and whatever a worker replies: it is the submission's fault or no judgement, never ours."""

from __future__ import annotations

import io
import json
import math
import random
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference.execution import sanitize
from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call, Get, Reply, Step, Unusable, Work
from reference.lab.check import LabExamination
from reference.lab.mistakes import plain
from reports.course.submissions import Submission
from reports.course.task import Task, judge
from reports.verdicts.settings import Settings
from tests.comparing import needs_flint

pytestmark = [needs_flint, pytest.mark.system]

DTYPES = ("f2", "f4", "f8", "i1", "i8", "u1", "u8", "?", "c8", "c16")
SHAPES = ((), (0,), (1,), (3,), (0, 3), (2, 3), (1, 1), (2, 3, 4), (2, 0, 1), (10**6, 0))
NUMBERS = (0, -1, 10**400, 2**63, float("nan"), float("inf"), -0.0, 5e-324, True, None, "", "x" * 5000, "\x1b[2J\u202e")
CLASSES = {name: each for name, each in vars(plain).items() if isinstance(each, type)}


def odd_value(rng: random.Random, depth: int = 3) -> Any:
    """A value that a frame can hold and no method should give."""
    kind = rng.randrange(7 if depth else 3)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        shape = rng.choice(SHAPES)
        return np.frombuffer(rng.randbytes(math.prod(shape)), "u1").reshape(shape).astype(rng.choice(DTYPES))
    if kind == 2:
        return Unusable(rng.choice(("set", "", "ndarray", "\n")), rng.choice(("type", "dtype", "shape", "stand-in")))
    parts = [odd_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 3:
        return tuple(parts)
    if kind == 4:
        return {rng.choice(("l1", "l2", "linear", "W", "", "b\n")): part for part in parts}
    return parts


def odd_reply(rng: random.Random) -> Reply:
    if rng.random() < 0.2:
        said = rng.choice(("", "x" * 3000, "[bold]", "Error: \x1b]0;a\x07"))
        cause = rng.choice((None, "refused", "shapes", "absent", "stand-in"))
        return Reply(error=said, error_kind=rng.choice(("ValueError", "exits", "", "memory")), cause=cause)
    value = odd_value(rng)
    kind = value.kind if isinstance(value, Unusable) else type(value).__name__
    names = rng.choice(((), ("X",), ("X", "nobody"), ("\x00",)))
    return Reply(value, kind, changed=names, aliases=names[:1], altered=rng.random() < 0.1)


class Odd:
    """An executor that runs the right implementation, and from some reply on gives odd ones now and then."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - draws cases
        self.inner = InProcess(CLASSES, {})
        self.stand_ins: dict[str, None] = {}
        self.right_ones = self.rng.choice((0, 3, 30, 100))
        self.often = self.rng.choice((0.1, 0.3, 1.0))

    def missing(self) -> Mapping[str, str]:
        return self.inner.missing()

    def causes(self) -> Mapping[str, str]:
        return self.inner.causes()

    def modules(self) -> Mapping[str, str]:
        return self.inner.modules()

    def spent(self) -> float:
        return self.inner.spent()

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        found = [
            self.spoiled(reply) if isinstance(step, Call | Get) else reply
            for step, reply in zip(steps, self.inner.run(steps), strict=True)
        ]
        try:
            return sanitize.replies(found, len(steps))
        except sanitize.InvalidReplyError as error:
            return [Reply(error=f"sent {error}", error_kind="crash")] * len(steps)

    def spoiled(self, reply: Reply) -> Reply:
        self.right_ones -= 1
        return odd_reply(self.rng) if self.right_ones < 0 and self.rng.random() < self.often else reply

    def run_all(self, requests: Iterable[Sequence[Step]], meanwhile: Iterable[Work] = ()) -> Iterator[list[Reply]]:
        return map(self.run, requests)


@pytest.mark.parametrize("seed", range(20))
def test_no_reply_is_an_error_of_the_examiner(seed: int) -> None:
    """Odd values at odd moments lead to failures, in every check, and each of them can be told."""
    only = ("linear.*", "softmax.*", "relu.*", "LossCrossEntropy", "mlp.*")[seed % 5]
    examination = LabExamination(Odd(seed), "odd", only=only, seed=seed, effort="quick")
    findings = [examination.finding(check.id) for check in examination.checks]
    assert not [(each.check, each.actual) for each in findings if each.status == "error"]
    assert all(str(each) for each in findings)


RIGHT = Path(plain.__file__).read_bytes()


def archived(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def tarred(name: str, content: bytes, mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{mode}") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


CELLS = {"cells": [{"cell_type": "code", "source": ["class ReLULayer:\n", "    pass\n"]}], "nbformat": 4}
#: Files as people hand them in, by the ending of their names.
WHOLE = {
    ".py": RIGHT,
    ".zip": archived("mlp/layers.py", RIGHT),
    ".tar.gz": tarred("mlp/layers.py", RIGHT, "gz"),
    ".tar.xz": tarred("mlp/layers.py", RIGHT, "xz"),
    ".tar": tarred("mlp/layers.py", RIGHT, ""),
    ".ipynb": json.dumps(CELLS).encode(),
}


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The content, cut, with bytes changed, or with another's in the middle of it."""
    data = bytearray(content)
    for _ in range(rng.randrange(1, 20)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.4 else data)


@pytest.mark.parametrize("ending", WHOLE)
def test_no_hand_in_is_an_error_of_the_examiner(tmp_path: Path, ending: str) -> None:
    """Damaged files under odd names are judged, or not judged with a reason: no exception, no error."""
    rng = random.Random(ending)  # noqa: S311 - draws cases
    settings = Settings(3, "relu.made", 1, "quick", 5.0, 2**30, "process")
    names = ("a", "n" * 200, "\u202eyp", "\udc80", "a\nb", "-x", "[b]", "%s")
    for number, stem in enumerate(names):
        path = tmp_path / f"{number}" / f"{stem}{ending}"
        path.parent.mkdir()
        path.write_bytes(damaged(WHOLE[ending], rng))
        entry = judge(Task(Submission(ascii(stem), path), settings, None)).entry
        assert entry.verdict in {"pass", "fail", "not judged"}
        assert entry.verdict == "pass" or entry.problem or entry.failed
