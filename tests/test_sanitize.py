"""Whatever a hostile worker sends: malformed messages are refused, absurd ones become failures, never errors."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference.execution import sanitize
from reference.execution.worker import frames
from reference.execution.worker.perform import copied, kind_of
from reference.execution.worker.protocol import Reply, Unusable

pytestmark = pytest.mark.system


def framed(text: Any, data: bytes = b"") -> Any:
    """The value in a frame with this content."""
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
        ["r", "Reply", [0] * 8],
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


GOOD = Reply(np.zeros(2), "ndarray")


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        [],
        [GOOD],
        [GOOD, None],
        [GOOD, Unusable("x")],
        (GOOD, GOOD),
        [GOOD, replace(GOOD, kind=7)],
        [GOOD, replace(GOOD, changed=["X", {}])],
        [GOOD, replace(GOOD, changed="X")],
        [GOOD, replace(GOOD, aliases=7)],
        [GOOD, replace(GOOD, altered=1)],
        [GOOD, replace(GOOD, error=b"x")],
        [GOOD, replace(GOOD, error="x", error_kind=[])],
        [GOOD, replace(GOOD, kind="list")],
        [GOOD, Reply(None, "ndarray")],
        [GOOD, Reply(GOOD, "Reply")],
        [GOOD, Reply([[[[[[[[[1]]]]]]]]], "list")],
        [GOOD, Reply(Unusable(7), "x")],
        [GOOD, Reply({1: 2}, "dict")],  # type: ignore[arg-type]
    ],
)
def test_odd_replies_are_refused(value: Any) -> None:
    """A reply is refused if a part has the wrong type or its kind is not that of its value."""
    with pytest.raises(sanitize.InvalidReplyError):
        sanitize.replies(value, 2)


@pytest.mark.parametrize(
    "value",
    [None, [], {}, {"missing": {}, "modules": {}, "classes": 7}, {"missing": {"a": 7}, "modules": {}}, {"missing": []}],
)
def test_odd_findings_are_refused(value: Any) -> None:
    """A malformed report of what was found is refused."""
    with pytest.raises(sanitize.InvalidReplyError):
        sanitize.found(value)


def test_words_are_made_harmless() -> None:
    """Escapes, line breaks, surrogates and direction marks are spelled out; addresses are replaced."""
    assert sanitize.printable("a\x1b[2J\r\nb\t\ud800\u202e <x at 0x7f0123456789>") == (
        "a\\x1b[2J\\r b \\ud800\\u202e <x at 0x...>"
    )
    assert sanitize.printable("é∇😀") == "é∇😀"
    assert len(sanitize.printable("x" * 10**6)) == 1000
    assert sanitize.lines("a\r\nb\x1b\n" + "c" * 2000) == "a\nb\\x1b\n" + "c" * 2000
    (reply,) = sanitize.replies([Reply(error="\x1b" * 9000, error_kind="\n" * 900, value=GOOD)], 1)
    assert (reply.error or "").isprintable()
    assert len(reply.error or "") <= 1000
    assert reply.value is None


def shout(text: str) -> str:
    """Marks a text as cleaned, by capital letters."""
    return text.upper()


def test_what_may_be_believed_is_made_anew() -> None:
    """Every text in a reply is cleaned at any depth; numbers and arrays stay the same."""
    array = np.arange(2.0)
    deep = {"names": ["a", ("b", None, 1.5, True, 7, np.float32(2))], "array": array}
    value = Reply(deep, "dict", changed=("x",), aliases=("y", "z"), altered=True)
    (reply,) = sanitize.replies([value], 1, shout)
    assert reply == Reply(reply.value, "DICT", changed=("X",), aliases=("Y", "Z"), altered=True)
    assert reply.value == {"NAMES": ["A", ("B", None, 1.5, True, 7, np.float32(2))], "ARRAY": reply.value["ARRAY"]}
    assert reply.value["ARRAY"] is array
    assert type(reply.value["NAMES"][1][-1]) is np.float32


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (Reply(), Reply()),
        (Reply(None, "NoneType", altered=True), Reply(None, "NoneType", altered=True)),
        (Reply(None, "NoneType", changed=("X",)), Reply(None, "NoneType", changed=("X",))),
        (Reply(None, "NoneType", aliases=("X",)), Reply(None, "NoneType", aliases=("X",))),
        (Reply(Unusable("set"), "set"), Reply(Unusable("set"), "set")),
        (Reply(Unusable("list"), "list"), Reply(Unusable("unusable list"), "unusable list")),
        (Reply(Unusable("dict"), "Odd"), Reply(Unusable("unusable dict"), "unusable dict")),
        (Reply(error="x", error_kind=None), Reply(error="x", error_kind="Exception")),
        (Reply(error="", error_kind="Odd"), Reply(error="Odd", error_kind="Odd")),
        (Reply(error="", error_kind=None), Reply(error="Exception", error_kind="Exception")),
        (Reply(3, "int", error="x", error_kind="E", changed=("X",)), Reply(error="x", error_kind="E")),
        (Reply([np.ones(1)], "Own list"), Reply([np.ones(1)], "Own list")),
        (Reply([[[[[[["a"]]]]]]], "list"), Reply([[[[[[["a"]]]]]]], "list")),
        (Reply(1, "k" * 300), Reply(1, "k" * 200)),
        (Reply(error="e" * 2000, error_kind="k" * 300), Reply(error="e" * 1000, error_kind="k" * 200)),
        (Reply(1, "int", changed=("n",) * 30), Reply(1, "int", changed=("n",) * 20)),
    ],
)
def test_replies_are_heard_as_they_are_meant(said: Reply, heard: Reply) -> None:
    """A reply with an exception keeps nothing else; long texts and long lists are cut."""
    assert repr(sanitize.replies([said], 1)) == repr([heard])


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([GOOD], "something other than one reply for each step"),
        ((GOOD, GOOD), "something other than one reply for each step"),
        ([GOOD, "a"], "something other than a reply"),
        ([GOOD, replace(GOOD, altered=1)], "something other than a reply"),
        ([GOOD, replace(GOOD, kind="list")], "a list that is none"),
        ([GOOD, Reply([[[[[[[[[1]]]]]]]]], "list")], "a reply that is nested too deeply"),
        ([GOOD, Reply([[[[[[[[]]]]]]]], "list")], None),
        ([GOOD, Reply([[[[[[[[1]]]]]]]], "list")], "a reply that is nested too deeply"),
        (
            [GOOD, Reply({"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}}, "dict")],
            "a reply that is nested too deeply",
        ),
        ([GOOD, Reply([{1}], "list")], "a set in a reply"),
        ([GOOD, replace(GOOD, changed="X")], "something other than names"),
        ([GOOD, replace(GOOD, changed=7)], "something other than names"),
        ([GOOD, replace(GOOD, changed=(7,))], "something other than a text"),
        ([GOOD, replace(GOOD, kind=7)], "something other than a text"),
    ],
)
def test_what_is_not_believed_is_told(value: Any, why: str | None) -> None:
    """The error says what came instead."""
    if why is None:
        assert len(sanitize.replies(value, 2)) == 2
        return
    with pytest.raises(sanitize.InvalidReplyError) as caught:
        sanitize.replies(value, 2)
    assert str(caught.value) == why


def test_what_was_found_is_heard() -> None:
    """Names and reasons are cleaned and cut; what is no module name is dropped."""
    said = {
        "classes": ["mlp"], "missing": {"relu": "w" * 2000}, "notes": ["n"] * 30, "stand_ins": ["tqdm"],
        "modules": {"mlp": "net.mlp", "relu": "a b", "linear": "1a", "softmax": "os; x", "loss": "m" * 300},
    }  # fmt: skip
    assert sanitize.found(said, shout) == sanitize.Found(
        ("MLP",), {"RELU": "W" * 1000}, ("N",) * 20, ("TQDM",), {"MLP": "NET.MLP", "LOSS": "M" * 200}
    )
    for name in said:
        with pytest.raises(sanitize.InvalidReplyError) as caught:
            sanitize.found({**said, name: 7}, shout)
        whole = "something other than what it had found"
        assert str(caught.value) == (whole if name in {"missing", "modules"} else "something other than names")


class Odd(np.ndarray):
    shape = property(lambda self: (1, 2))  # type: ignore[assignment]
    dtype = property(lambda self: np.dtype("f8"))  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.zeros(3, object), "array of dtype object"),
        (np.zeros(3, "M8[s]"), "array of dtype datetime64[s]"),
        (np.zeros(3, ">f8"), "array of dtype >f8"),
        (np.zeros(3, "U3"), "array of dtype <U3"),
        (np.zeros(3, [("a", "f8")]), "array of dtype [('a', '<f8')]"),
        (np.datetime64("2026"), "datetime64"),
        (np.str_("a"), "str_"),
        (np.broadcast_to(0.0, (10**6, 10**6)), "shape (1000000, 1000000)"),
        (10**100, "int of 333 bits"),
        ([0] * 10**5, "list of 100000 items"),
        ({1, 2}, "set"),
        (b"x", "bytes"),
        (1j, "complex"),
        (object, "type"),
        (np.zeros((1,) * 20), f"shape {(1,) * 20}"),
        (np.zeros(3, object).view(Odd), "array of dtype object"),
    ],
)
def test_what_is_no_answer_is_named(value: Any, kind: str) -> None:
    """A result of an unusable type becomes a description of that type."""
    assert copied(value) == Unusable(kind)


def test_subclasses_are_looked_through() -> None:
    """The shape and dtype of an array subclass are taken from the array itself, not from its own attributes."""
    array = copied(np.arange(6.0).reshape(2, 3).view(Odd))
    assert type(array) is np.ndarray
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert kind_of(np.zeros(1).view(Odd)) == "Odd"
    assert kind_of(np.zeros(1).view(type("ndarray", (np.ndarray,), {"__module__": "numpy"}))) == (
        "ndarray of another module"
    )
