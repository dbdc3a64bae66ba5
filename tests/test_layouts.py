"""How the files of a submission import one another: as Python would from the folder where its author started it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reference.execution.implementation import CLASSES
from reference.execution.worker import loading
from reference.gate import judge
from tests.comparing import needs_flint
from tests.lab_layout import lab, module, within, write

pytestmark = pytest.mark.system

ABSOLUTE, RELATIVE, FLAT = (f"from {place}softmax_layer import SoftmaxLayer" for place in ("mlp.", ".", ""))
NAIVE = "from mlp import MLP\nclass NaiveSoftmaxLayer: pass\n"
RUN = "from mlp.mlp import MLP\nfrom mlp.losses import LossCrossEntropy\nraise RuntimeError('an experiment')\n"
_TRY = "try:\n    {}\nexcept ImportError:\n    {}\n"
_SYS_PATH = "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), {!r}))\n{}"

#: The files of a submission, and the paths by which it is named.
LAYOUTS: dict[str, tuple[dict[str, str], list[str]]] = {
    "by the package's name": (within("mlp", lab(ABSOLUTE)), ["", "mlp", "mlp/losses.py"]),
    "relative": (within("mlp", lab(RELATIVE)), ["", "mlp", "mlp/losses.py"]),
    "flat": (within("mlp", lab(FLAT)), ["", "mlp", "mlp/losses.py"]),
    "by name, with a script beside it": (within("mlp", lab(ABSOLUTE)) | {"run.py": RUN}, ["", "mlp"]),
    "relative, with a script beside it": (within("mlp", lab(RELATIVE)) | {"main.py": RUN}, ["", "mlp"]),
    "flat, with a script beside it": (within("mlp", lab(FLAT)) | {"run.py": RUN}, ["", "mlp"]),
    "flat, with a script in it": (within("mlp", lab(FLAT) | {"train.py": "from mlp import MLP\n"}), ["", "mlp"]),
    "a module of the package": (
        within("mlp", lab("from mlp import softmax_layer", "softmax_layer.SoftmaxLayer")),
        ["", "mlp"],
    ),
    "a module by a dot": (
        within("mlp", lab("from . import softmax_layer", "softmax_layer.SoftmaxLayer")),
        ["", "mlp"],
    ),
    "import with dots": (
        within("mlp", lab("import mlp.softmax_layer", "mlp.softmax_layer.SoftmaxLayer")),
        ["", "mlp"],
    ),
    "first relative, then flat": (within("mlp", lab(_TRY.format(RELATIVE, FLAT))), ["", "mlp"]),
    "first flat, then relative": (within("mlp", lab(_TRY.format(FLAT, RELATIVE))), ["", "mlp"]),
    "first by name, then flat": (within("mlp", lab(_TRY.format(ABSOLUTE, FLAT))), ["", "mlp"]),
    "its folder put on the path": (within("mlp", lab(_SYS_PATH.format(".", FLAT))), ["", "mlp"]),
    "the folder above put on the path": (within("mlp", lab(_SYS_PATH.format("..", ABSOLUTE))), ["", "mlp"]),
    "empty __init__.py, flat": (within("mlp", lab(FLAT) | {"__init__.py": ""}), ["", "mlp"]),
    "empty __init__.py, flat, by the module's name": (
        within("mlp", lab(FLAT) | {"__init__.py": "", "naive.py": NAIVE}),
        ["", "mlp"],
    ),
    "__init__.py that exports": (
        within("mlp", lab(RELATIVE) | {"__init__.py": "from .mlp import MLP\nfrom .losses import *\n"}),
        ["", "mlp"],
    ),
    "a test of each file at its end": (
        within("mlp", lab(ABSOLUTE))
        | {"mlp/relu_layer.py": module("relu_layer", end="\nif __name__ == '__main__':\n    from mlp import MLP\n")},
        ["", "mlp"],
    ),
    "in src": (within("src/mlp", lab(ABSOLUTE)), ["", "src", "src/mlp"]),
    "from above src": (
        within("src/mlp", lab("from src.mlp.softmax_layer import SoftmaxLayer")),
        ["", "src", "src/mlp"],
    ),
    "in circles": (
        within("mlp", lab(ABSOLUTE) | {"softmax_layer.py": module("softmax_layer", "import mlp.losses\n")}),
        ["", "mlp"],
    ),
    "a folder for each kind": (
        {
            **{f"layers/{name}.py": module(name) for name in ("linear_layer", "relu_layer", "softmax_layer")},
            "losses/losses.py": module("losses", "from layers.softmax_layer import SoftmaxLayer\n"),
            "network/mlp.py": module("mlp", "from losses.losses import LossCrossEntropy\n"),
            "main.py": "from network.mlp import MLP\n",
        },
        [""],
    ),
    "packages in the package": (
        {
            **{f"mlp/layers/{name}.py": module(name) for name in ("linear_layer", "relu_layer", "softmax_layer")},
            "mlp/losses/losses.py": module("losses", "from ..layers.softmax_layer import SoftmaxLayer\n"),
            "mlp/mlp.py": module("mlp", "from .losses.losses import LossCrossEntropy\nimport mlp.layers.relu_layer\n"),
        },
        ["", "mlp"],
    ),
    "the network beside the package": (
        {
            **{f"mlp/{name}.py": module(name) for name in ("linear_layer", "losses", "relu_layer", "softmax_layer")},
            "net.py": module("mlp", "from mlp.losses import LossCrossEntropy\n"),
        },
        [""],
    ),
    "only what is in the package was handed in": (within("Meier, Anna 12.3", lab(ABSOLUTE)), ["", "Meier, Anna 12.3"]),
    "so too, relative": (within("Meier, Anna 12.3", lab(RELATIVE)), ["", "Meier, Anna 12.3"]),
    "so too, by another name": (
        within("handed_in_7", lab("from network.softmax_layer import SoftmaxLayer")),
        ["", "handed_in_7"],
    ),
}  # fmt: skip
CASES = [
    pytest.param(files, path, id=f"{name}: {path or 'above'}")
    for name, (files, paths) in LAYOUTS.items()
    for path in paths
]


@pytest.mark.parametrize(("files", "path"), CASES)
def test_every_class_is_found_and_no_file_runs_twice(
    files: dict[str, str], path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every class is found and no file runs twice, however files import one another and whichever path is given."""
    place = write(tmp_path / "handed_in", files) / path
    found = loading.load(place, CLASSES)
    if place.is_dir():
        assert found.missing == {}
    assert "LossCrossEntropy" in found.classes
    assert found.notes == []
    runs = Counter(capsys.readouterr().out.splitlines())
    assert [line for line, times in runs.items() if times > 1] == []


@needs_flint
@pytest.mark.parametrize("path", ["", "mlp", "mlp/losses.py"])
@pytest.mark.parametrize("line", [ABSOLUTE, RELATIVE, FLAT])
def test_lab_layout_passes_the_gate(tmp_path: Path, line: str, path: str) -> None:
    """The lab's layout passes in the sandbox, which has a copy of the given path and of nothing above it."""
    place = write(tmp_path / "handed_in", within("mlp", lab(line)) | {"run.py": RUN}) / path
    only = "cross_entropy.forward.answers" if path.endswith(".py") else "mlp.evaluate.values"
    judgement = judge(place, only=only, effort="quick", seed=1, sandbox="process")
    assert judgement.verdict == "pass", (judgement.notes, judgement.output)
    assert judgement.notes == ()


@pytest.mark.parametrize("line", [ABSOLUTE, RELATIVE, FLAT])
def test_import_in_a_method_finds_the_own_file(tmp_path: Path, line: str) -> None:
    """An import in a method finds the submission's own file, also after the search for classes is over."""
    late = module("mlp").replace(
        "self.n_inputs, self.layers", f"{line}; self.late = SoftmaxLayer\n        self.n_inputs, self.layers"
    )
    place = write(tmp_path / "handed_in", within("mlp", lab(line) | {"mlp.py": late}))
    found = loading.load(place, CLASSES)
    net: Any = found.classes["MLP"](2, [], None)
    assert net.late is found.classes["SoftmaxLayer"]
