"""Frames, in which the examiner and a worker speak: what is sent arrives, and what is malformed is refused."""

from __future__ import annotations

import json
import struct
import time
from typing import Any

import numpy as np
import pytest

from reference.execution.worker import frames
from reference.execution.worker.protocol import Reply, Unusable

pytestmark = pytest.mark.system


def framed(text: Any, data: bytes = b"") -> Any:
    """What comes of a frame with this content."""
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    rest = struct.pack(">QQ", len(text), len(data)) + text + data

    def receive(n: int) -> bytes:
        nonlocal rest
        part, rest = rest[:n], rest[n:]
        return part

    return frames.unpacked(receive, frames.REPLY)


def sent(value: Any) -> Any:
    frame = frames.packed(value)
    lengths = struct.unpack(">QQ", frame[:16])
    return framed(frame[16 : 16 + lengths[0]], frame[16 + lengths[0] :])


@pytest.mark.parametrize(
    "text",
    [
        ["f", "0x1p99999999"],
        ["f", 3],
        ["f"],
        ["a", "<f8", [-1]],
        ["a", "<f8", [True]],
        ["a", "O", [0]],
        ["a", "<f8", [2**80]],
        ["a", "<f8", [0, 2**70]],
        ["a", "<f8", [0] * 9],
        ["a", "|V8", [0]],
        ["a", "<f8", 1],
        ["s", "text"],
        ["s", ["d", []]],
        ["r", "Call", ["a", "b", None]],
        ["r", "Reply", [0] * 20],
        ["r", ["l", []], []],
        ["r", "dict", []],
        ["x", 1],
        [],
        [[]],
        1.5,
        2**64,
        {"r": 1},
        ["d", [[1, 2]]],
        ["d", [["a"]]],
        ["d", 7],
        ["l", 7],
        ["l", [1.5]],
        ["f", "x" * 1000],
        b"\xff\xfe",
        b"",
        b"NaN",
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 10_000,
        b'["l",' * 50 + b"1" + b"]" * 50,
    ],
)
def test_malformed_frames_are_refused(text: Any) -> None:
    """Every malformed frame raises FrameError, quickly."""
    start = time.process_time()
    with pytest.raises(frames.FrameError):
        framed(text)
    assert time.process_time() - start < 20  # seconds of processor time, where it would take hours


@pytest.mark.parametrize("lengths", [(2**63, 0), (0, 2**63), (2**21 + 1, 0), (0, 2**23 + 1)])
def test_lengths_are_limited(lengths: tuple[int, int]) -> None:
    """A frame that announces too much is refused before it is received."""
    with pytest.raises(frames.FrameError, match="announced"):
        frames.unpacked(lambda n: struct.pack(">QQ", *lengths)[:n], frames.REPLY)


def test_names_with_one_hash_are_refused() -> None:
    """Keys of dicts must be strings: numbers with one hash would take minutes to insert."""
    with pytest.raises(frames.FrameError, match="a name of type int"):
        framed(["d", [[n * (2**61 - 1), 0] for n in range(20_000)]])


def test_truth_values_are_bits() -> None:
    """Every nonzero byte of an array of truth values becomes True."""
    value = framed(["a", "|b1", [4]], b"\x00\x01\x02\xff")
    assert value.view(np.uint8).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -7,
        2**63,
        "text \ud800\x00",
        0.1,
        float("nan"),
        float("-inf"),
        -0.0,
        [1, [2.5, None]],
        (1, "a"),
        {"a": [0.0]},
        np.float32(0.1),
        np.int64(7),
        np.bool_(True),
        Unusable("set"),
        Reply(np.zeros((2, 0)), "ndarray", changed=("X",)),
    ],
)
def test_what_is_sent_arrives(value: Any) -> None:
    """Every value that can be packed arrives unchanged, with its type."""
    got = sent(value)
    assert type(got) is type(value)
    assert repr(got) == repr(value)


@pytest.mark.parametrize("dtype", sorted(frames._DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (1, 0, 2)])
def test_arrays_arrive(dtype: str, shape: tuple[int, ...]) -> None:
    """Arrays of every dtype, shape and memory layout arrive unchanged."""
    array = np.arange(2 * np.prod(shape, dtype=int)).astype(dtype)[::2].reshape(shape)
    got = sent(array)
    assert got.dtype == array.dtype
    assert got.shape == array.shape
    assert got.tobytes() == array.tobytes()
    assert got.flags.writeable
