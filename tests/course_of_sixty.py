"""Sixty hand-ins as people hand them in: right, odd, wrong and unreadable ones, in every form that is known."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.submissions import LEAKY, PYTHON_2, RIGHT

#: Without what has to stand first in a file, so that other lines can.
BODY = RIGHT.partition("from __future__ import annotations\n")[2]
#: A dataclass is a layer as well as any other class.
DATACLASS = f"{RIGHT}\n\nimport dataclasses\n\n\n@dataclasses.dataclass\nclass ReLULayer(ReLULayer):\n    name: str\n"
PROPERTIES = f"""{RIGHT}

class LinearLayer(LinearLayer):
    @property
    def W(self):
        return self._W

    @W.setter
    def W(self, value):
        self._W = value
"""
ARGUMENTS = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--epochs', default=3)\n"
NEEDED = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('epochs', type=int)\n"
LOGGING = "import logging\nlogging.basicConfig(filename='train.log', level=logging.DEBUG)\nlogging.info('begun')\n"
ABSENT = "import torch\nimport pandas as pd\nfrom tqdm import tqdm\nimport matplotlib\nmatplotlib.use('TkAgg')\n"
PLOTS = f"{ABSENT}import matplotlib.pyplot as plt\nplt.figure()\nplt.plot([1, 2])\nplt.savefig('a.png')\n"

#: Honest and odd: the bytes of one Python file, which is right.
ODD: dict[str, bytes] = {
    "carriage returns": RIGHT.replace("\n", "\r\n").encode(),
    "a byte order mark": b"\xef\xbb\xbf" + RIGHT.encode(),
    "latin-1": f"# -*- coding: latin-1 -*-\n# M\u00fcller\n{RIGHT}".encode("latin-1"),
    "tabs": RIGHT.replace("    ", "\t").encode(),
    "a dataclass": DATACLASS.encode(),
    "properties": PROPERTIES.encode(),
    "prints": f"{RIGHT}\nfor epoch in range(1000):\n    print('epoch', epoch)\n".encode(),
    "arguments": f"{ARGUMENTS}options = parser.parse_args()\n{BODY}".encode(),
    "arguments that are not given": f"{NEEDED}options = parser.parse_args()\n{BODY}".encode(),
    "data that are not here": f"import numpy\nimages = numpy.load('mnist.npz')\n{BODY}".encode(),
    "logging": f"{LOGGING}{BODY}".encode(),
    "absent packages": f"{ABSENT}{BODY}".encode(),
    "plots": f"{PLOTS}{BODY}".encode(),
    "a seed": f"{BODY}\nnp.random.seed(0)\nnp.seterr(all='raise')\n".encode(),
    "a training that ends badly": f"{BODY}\nopen('data/mnist.npz')\n".encode(),
}


def zipped(*files: tuple[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files:
            archive.writestr(name, text)
    return stream.getvalue()


def tarred(mode: str, name: str, text: str) -> bytes:
    stream, content = io.BytesIO(), text.encode()
    with tarfile.open(fileobj=stream, mode=f"w:{mode}") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def notebook(*cells: str) -> bytes:
    return json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": each} for each in cells]}).encode()


#: What platforms and people make of one source: the name of the file or of the file in a folder, and its bytes.
FORMS: dict[str, Callable[[str], dict[str, bytes]]] = {
    "file": lambda source: {".py": source.encode()},
    "folder": lambda source: {"/mlp/layers.py": source.encode(), "/mlp/__init__.py": b"", "/report.pdf": b"%PDF"},
    "nested": lambda source: {"/hw/final/final2/mlp/net.py": source.encode()},
    "zip": lambda source: {".zip": zipped(("mlp/net.py", source), ("__MACOSX/mlp/._net.py", "\0"))},
    "windows": lambda source: {".zip": zipped(("hw\\mlp\\net.py", source))},
    "tgz": lambda source: {".tgz": tarred("gz", "hw/net.py", source)},
    "tar.xz": lambda source: {".tar.xz": tarred("xz", "net.py", source)},
    "moodle": lambda source: {"_7_assignsubmission_file_/hw.zip": zipped(("net.py", source))},
    "notebook": lambda source: {".ipynb": notebook("%matplotlib inline", source, "get_ipython()")},
}
#: What nobody can judge, and what is a submission and fails.
UNREADABLE = {"a.rar": b"Rar!\x1a\x07", "b.7z": b"7z", "c.zip": b"PK broken", "d.pdf": b"%PDF", "e.docx": b"PK"}
WRONG = {
    "leaky": LEAKY, "python2": PYTHON_2, "none": "x = 1\n", "broken": "def f(:\n", "exits": f"exit(0)\n{RIGHT}",
    "shape": RIGHT.replace("keepdims=True", "keepdims=False"), "minus": RIGHT.replace("X @ self.W", "-X @ self.W"),
}  # fmt: skip


def make(folder: Path, *, everything: bool = True) -> dict[str, str]:
    """Write the course into a folder; returns the verdict that each submission should get, by its name."""
    due: dict[str, str] = {}
    folder.mkdir()
    for name, content in ODD.items():
        _write(folder, {f"odd {name}.py": content}, due, "pass")
    sources = {"right": RIGHT, **WRONG} if everything else {"right": RIGHT}
    for word, source in sources.items():
        forms = FORMS if word in {"right", "leaky", "minus"} else dict(list(FORMS.items())[:3])
        for form, made in forms.items():
            verdict = "pass" if word == "right" else "fail"
            _write(folder, {f"{word} {form}{end}": content for end, content in made(source).items()}, due, verdict)
    _write(folder, UNREADABLE, due, "not judged")
    return due


def _write(folder: Path, files: dict[str, bytes], due: dict[str, str], verdict: str) -> None:
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        due[name.partition("/")[0]] = verdict
