"""Replaces functions that write messages."""
import json
import os
import struct

from wrong import Wrong

json.dumps = lambda *_, **__: '["l",[]]'
json.loads = lambda *_, **__: ["l", []]
struct.Struct = struct.pack = lambda *_: b""
os.write = lambda _, data: len(data)
os.read = lambda _, n: bytes(n)


class ReLULayer(Wrong):
    pass
