"""Submissions in the layouts that people hand in, and what is found in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from reference.execution.sandbox import Limits
from reference.findings import Finding
from reference.gate import Judgement, judge
from reference.lab.mistakes import plain

SOURCE = Path(plain.__file__).read_text(encoding="utf-8")
HEAD = "from typing import Any\n\nimport numpy as np\n"
PARTS = {re.split(r"\W", part, maxsplit=1)[0]: part for part in SOURCE.split("\nclass ")[1:]}
SOFTMAX = "def softmax" + SOURCE.partition("def softmax")[2].partition("#:")[0]
RELU = f"class {PARTS['ReLULayer']}"
NAMED = f"class {PARTS['Named']}"
#: The lab's modules, and what is in each.
MODULES = {
    "named": ["Named"],
    "linear_layer": ["LinearLayer"],
    "relu_layer": ["ReLULayer"],
    "softmax_layer": ["SoftmaxLayer"],
    "loss_cross_entropy": ["LossCrossEntropy"],
    "loss_cross_entropy_for_softmax_logits": ["LossCrossEntropyForSoftmaxLogits"],
    "mlp": ["MLP"],
}


def flat_modules(folder: Path, prefix: str = "") -> None:
    """The lab's, each in a file of its own, which imports what it needs from the others."""
    folder.mkdir(parents=True, exist_ok=True)
    for module, classes in MODULES.items():
        text = "".join(f"\nclass {PARTS[name].partition('def softmax')[0].partition('#:')[0]}" for name in classes)
        head = HEAD if module == "named" else f"{HEAD}from {prefix}named import Named\n"
        softmax = "" if module == "named" else f"\n{SOFTMAX}"
        (folder / f"{module}.py").write_text(head + softmax + text, encoding="utf-8")


def judged(path: Path | str, only: str = "*.made", seconds: float = 20.0) -> Judgement:
    return judge(path, only=only, effort="quick", seed=3, limits=Limits(seconds), sandbox="process")


def failed(findings: Sequence[Finding]) -> dict[str, tuple[str | None, str | None]]:
    return {each.subject: (each.mistake, each.actual) for each in findings if each.status == "failed"}


def file_in(folder: Path, text: str, name: str = "solution.py") -> Path:
    """One file with everything, and with the text at its end."""
    path = folder / name
    path.write_text(f"{SOURCE}\n{textwrap.dedent(text)}", encoding="utf-8")
    return path
