"""The lab's classes in the files that the lab names, which import one another in the ways that people do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from reference.lab.mistakes import plain

_SOURCE = Path(plain.__file__).read_text(encoding="utf-8")
_PARTS = {re.split(r"\W", part, maxsplit=1)[0]: part for part in _SOURCE.split("\nclass ")[1:]}
# Each file says that it runs, so that a test sees whether one runs twice.
_HEAD = "from typing import Any\nimport numpy as np\nprint('running', __file__)\n"
_SOFTMAX = "def softmax" + _SOURCE.partition("def softmax")[2].partition("#:")[0]

#: The lab's files, and the classes in each.
MODULES = {
    "linear_layer": ("LinearLayer",),
    "losses": ("LossCrossEntropy", "LossCrossEntropyForSoftmaxLogits"),
    "mlp": ("MLP",),
    "relu_layer": ("ReLULayer",),
    "softmax_layer": ("SoftmaxLayer",),
}


def module(name: str, imports: str = "", *, end: str = "") -> str:
    """One of the lab's files, with what it imports at its top, and what it does at its end."""
    classes = (_class(each) for each in ("Named", *MODULES[name]))
    return "".join([_HEAD, imports, "\n", _SOFTMAX, *classes, end])


def one_file() -> str:
    """All classes in one file."""
    classes = (_class(each) for each in ("Named", *(each for names in MODULES.values() for each in names)))
    return "".join([_HEAD, _SOFTMAX, *classes])


def _class(name: str) -> str:
    return f"\nclass {_PARTS[name].partition('def softmax')[0].partition('#:')[0]}"


def lab(line: str, layer: str = "SoftmaxLayer") -> dict[str, str]:
    """The lab's five files, of which ``losses.py`` imports the softmax layer by that line, and uses it at once."""
    files = {f"{name}.py": module(name) for name in MODULES}
    used = f"\nassert {layer}('s').forward(np.zeros((1, 2))).shape == (1, 2)\n"
    return files | {"losses.py": module("losses", f"{line}\n", end=used)}


def within(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    """The files in a folder."""
    return {f"{folder}/{name}": text for name, text in files.items()}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Put files into a folder, by their paths in it; gives the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
