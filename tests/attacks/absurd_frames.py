"""Sends malformed frames: lengths beyond all limits, numbers that are too large, records with wrong fields."""
import json
import os
import struct
import sys

from wrong import Wrong

REPLY = ["r", "Reply", [["a", "<f8", [0, 10**15]], 7, ["f", "0x1p99999999"], None, ["t", [["d", [[1, 2]]]]], None, "x"]]
TEXTS = [
    json.dumps(["l", [REPLY]]).encode(),
    b'["l",[["f","0x1p99999999"]]]',
    b'["l",[["r","Call",["a","b",null]]]]',
    b'["l",[["r","Reply",[["s",["d",[]]],{},1]]]]',
    b"9" * 1_000_000,
    b"[" * 1_000_000,
    b'["a","<f8",[-1]]',
    b"\xff\xfe\x00",
    json.dumps(["d", [[n * (2**61 - 1), 0] for n in range(20_000)]]).encode(),
]
FRAMES = [struct.pack(">QQ", len(text), 0) + text for text in TEXTS]
FRAMES += [b"\xff" * 16]


def send(number):
    frame = FRAMES[number]
    for descriptor in range(3, 64):
        try:
            while frame:
                frame = frame[os.write(descriptor, frame) :]
        except OSError:
            pass
    while True:
        pass


class ReLULayer(Wrong):
    def forward(self, X):
        send(0)

    def __getattr__(self, name):
        return lambda: send(int(name.removeprefix("frame")))
