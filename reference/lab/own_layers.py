"""The examiner's own layers and losses, with which the network of a submission is judged by itself."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType

from reference.execution.worker.protocol import Define
from reference.lab import layers
from reference.lab.mistakes import plain

_PARTS = (
    plain.Named,
    plain.LinearLayer,
    plain.ReLULayer,
    plain.SoftmaxLayer,
    plain.LossCrossEntropy,
    plain.LossCrossEntropyForSoftmaxLogits,
    plain.softmax,
)


def _sources(module: ModuleType) -> dict[str, str]:
    """The source of each class and function of a module.

    `inspect.getsource` parses the file for each of them anew, which every process that judges would wait for.
    """
    text = inspect.getsource(module)
    lines = text.splitlines(keepends=True)
    parts = [each for each in ast.parse(text).body if isinstance(each, ast.ClassDef | ast.FunctionDef)]
    return {each.name: "".join(lines[each.lineno - 1 : each.end_lineno]) for each in parts}


_SOURCES = _sources(plain)
#: From where a script imports them: a public module, whose name tells a student what they are.
MODULE = layers.__name__
#: Defines them where the submission runs. The right network is not among them, since a wrong one could find it there.
OWN_LAYERS = Define(
    "\n\n".join(["from typing import Any\n\nimport numpy as np", *(_SOURCES[each.__name__] for each in _PARTS)])
)
