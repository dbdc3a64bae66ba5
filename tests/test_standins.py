"""Stand-ins for modules that are not here: the import goes on, and what comes from them is told as that."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from reference.execution.worker import standins
from tests.loaded import RELU, SOURCE, failed, file_in, judged

pytestmark = pytest.mark.system


def test_missing_modules_have_stand_ins(tmp_path: Path) -> None:
    """Modules for plots, tables and progress bars have stand-ins, and a note says so."""
    path = file_in(
        tmp_path,
        """
        import matplotlib
        matplotlib.use("TkAgg")
        import matplotlib.pyplot as plt
        import pandas as pd
        import tqdm
        import torch.nn as nn
        from numba import njit
        from sklearn.datasets import load_iris, make_moons
        from tqdm.auto import tqdm as bar, trange
        from nosuchmodule.part import thing

        class Net(nn.Module):
            def __init__(self):
                super().__init__()

        @njit
        def plus(x):
            return x + 1

        assert plus(1) == 2
        X, y = make_moons(100)
        n, d = X.shape
        frame = pd.DataFrame({"a": [1]})
        frame["b"] = (frame["a"] - frame["a"].mean()) / frame["a"].std()
        print(f"{frame['a'].mean():.3f}", np.zeros((n, 10)).shape, np.array(y))
        assert [i for i in tqdm.tqdm(range(3))] == list(trange(3)) == [0, 1, 2]
        with bar(range(2)) as progress:
            for i in progress:
                progress.set_description(f"{i}")
        fig, axes = plt.subplots(2, 3, figsize=(4, 4))
        fig, (one, two) = plt.subplots(1, 2)
        fig, ax = plt.subplots()
        axes[1, 2].imshow(np.eye(2))
        line, = ax.plot([1, 2])
        counts, edges, _ = plt.hist(np.arange(3))
        for each in axes.flat:
            each.set_title("t")
        plt.rcParams["figure.dpi"] = 100
        plt.show()
        """,
    )
    judgement = judged(path)
    assert judgement.verdict == "pass"
    unknown, known = judgement.notes
    assert unknown.startswith("the module nosuchmodule was not handed in")
    assert known == "stand-ins that do nothing took the place of matplotlib, numba, pandas, sklearn, torch, tqdm"


@pytest.mark.parametrize(
    ("line", "answer", "module"),
    [
        ("from nosuchmodule.special import softmax", "softmax(X)", "nosuchmodule"),
        ("from bp.relu import ReLU as helper", "helper().forward(X)", "bp"),
        ("import torch", "np.exp(X) * torch.relu(torch.tensor(X))", "torch"),
        ("import torch", "X @ torch.pi", "torch"),
    ],
)
def test_answer_of_a_stand_in_is_told(tmp_path: Path, line: str, answer: str, module: str) -> None:
    """A result that comes from a stand-in is described with the name of the absent module."""
    text = f"{line}\nclass ReLULayer(ReLULayer):\n    def forward(self, X):\n        return {answer}\n"
    findings = judged(file_in(tmp_path, text), "relu.forward.answers").findings
    (finding,) = [each for each in findings if each.status == "failed"]
    said = f"nothing: it came from the stand-in for {module}, a module that is not installed here"
    assert (finding.mistake, finding.actual) == ("wrong-type", said)
    assert "numpy and the standard library" in (finding.hint or "")


@pytest.mark.parametrize(
    "answer",
    [
        "X * float(torch.tensor(1.0))",
        "X * (1 if torch.cuda.is_available() else 2)",
        "X * (1 if torch.version == 2 else 2)",
        "X * (1 if torch.tensor(X) > 0 else 2)",
        "X[: int(torch.tensor(2))]",
        "X * len(torch.tensor(X))",
        "np.asarray(torch.relu(torch.tensor(X)))",
        "np.array([[torch.tensor(x) for x in row] for row in X])",
        "np.concatenate([X[:0], torch.relu(X)])",
        "X @ np.zeros(torch.tensor(3))",
    ],
)
def test_answers_that_depend_on_stand_ins_are_told(tmp_path: Path, answer: str) -> None:
    """Numbers, lengths, truth values and crashes that came of a stand-in: the absent module is named, and the hint."""
    text = f"import torch\nclass ReLULayer(ReLULayer):\n    def forward(self, X):\n        return {answer}\n"
    findings = judged(file_in(tmp_path, text), "relu.forward.values").findings
    finding = next(each for each in findings if each.status == "failed")
    assert "torch" in str(finding.actual)
    assert "stand-in" in str(finding.actual)
    assert finding.came is not None
    assert finding.came["cause"] == "stand-in"


def test_constants_that_depend_on_stand_ins_are_told(tmp_path: Path) -> None:
    """A number that was taken from one when the file was imported."""
    text = """
    import scipy.special
    SMALL = float(scipy.special.eps)
    class ReLULayer(ReLULayer):
        def forward(self, X):
            return np.maximum(X, SMALL)
    """
    findings = judged(file_in(tmp_path, text), "relu.forward.values").findings
    finding = next(each for each in findings if each.status == "failed")
    assert str(finding.actual).endswith("not here: scipy")


def test_gradients_of_networks_that_depend_on_stand_ins_are_told(tmp_path: Path) -> None:
    """Also where another check than that of a layer looks at the answer."""
    text = """
    import torch
    class MLP(MLP):
        def gradient(self, X, T):
            found = super().gradient(X, T)
            return {name: [part * float(torch.tensor(1)) for part in parts] for name, parts in found.items()}
    """
    findings = judged(file_in(tmp_path, text), "mlp.gradient.values").findings
    finding = next(each for each in findings if each.status == "failed")
    assert str(finding.actual).endswith("not here: torch")


def test_right_answers_may_ask_a_stand_in(tmp_path: Path) -> None:
    """Whoever asks whether there is a graphics card, and computes with numpy where there is none, is right."""
    text = """
    import torch
    from tqdm import tqdm
    class ReLULayer(ReLULayer):
        def forward(self, X):
            if torch.cuda.is_available() or isinstance(X, torch.Tensor):
                raise ValueError
            return np.array([np.maximum(x, 0) for x in tqdm(X)])
    """
    assert judged(file_in(tmp_path, text), "relu.forward.*").verdict == "pass"


def test_a_crash_that_no_stand_in_has_caused_is_told_as_what_it_is(tmp_path: Path) -> None:
    """A name that is not defined is not defined, whatever was asked before."""
    text = """
    import torch
    class ReLULayer(ReLULayer):
        def forward(self, X):
            return zero if torch.cuda.is_available() else undefined
    """
    findings = judged(file_in(tmp_path, text), "relu.forward.answers").findings
    finding = next(each for each in findings if each.status == "failed")
    assert finding.came is not None
    assert (finding.came["cause"], "stand-in" in str(finding.actual)) == ("name", False)


def test_classes_of_stand_ins_can_be_inherited() -> None:
    """A class may inherit from classes of several absent modules; what they decorate is unchanged."""
    parent, other = (standins.StandIn(name).Module for name in ("torch.nn", "keras"))

    class Net(parent, other):  # type: ignore[misc, valid-type]
        pass

    made = Net(lambda: None)
    assert type(made) is Net
    assert standins.describe_stand_in(made) == standins.describe_stand_in(standins.StandIn("torch").thing[0](3) + 1)
    assert parent(len) is not len
    assert parent(judged) is judged
    assert standins.describe_stand_in(3) is None


def test_libraries_miss_what_is_missing(tmp_path: Path) -> None:
    """Imports in Python's own library get no stand-ins."""
    judgement = judged(file_in(tmp_path, "import subprocess, asyncio, tempfile, multiprocessing, ctypes, tkinter"))
    assert judgement.verdict == "pass"
    assert all("msvcrt" not in note and "_winapi" not in note for note in judgement.notes)


def test_own_alternative_to_a_missing_module_is_used(tmp_path: Path) -> None:
    """Code that goes on without a module is judged by its own alternative; code that does not has a stand-in."""
    future, _, rest = SOURCE.partition("from __future__ import annotations\n")
    guards = """
        try:
            import cupy as np
        except ImportError:
            import numpy as np
        try:
            from tqdm import tqdm
            bars = True
        except (ImportError, OSError):
            bars = False
        try:
            import torch
        except ImportError:
            raise SystemExit("install torch")
        try:
            import seaborn
        except ImportError:
            import os; os.system("pip install seaborn"); import seaborn
        assert not bars
        """
    path = tmp_path / "solution.py"
    head = f"{future}from __future__ import annotations\n{textwrap.dedent(guards)}"
    path.write_text(head + rest.replace("import numpy as np", ""), encoding="utf-8")
    judgement = judged(path, "relu.forward.answers")
    assert judgement.verdict == "pass", judgement.notes
    assert judgement.notes == ("stand-ins that do nothing took the place of seaborn, torch",)


def test_class_of_a_missing_module_is_no_class(tmp_path: Path) -> None:
    """A stand-in is never taken for a class of the contract."""
    text = SOURCE.replace(RELU.partition("#:")[0], "from relu_layer import ReLULayer\n\n\n")
    path = tmp_path / "solution.py"
    path.write_text(text, encoding="utf-8")
    found = failed(judged(path).findings)
    assert set(found) == {"ReLULayer"}
    assert found["ReLULayer"][0] == "missing"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("def f(:\n", "The file did not run to where the class is defined"),
        ("print 'trained'\n", "The file did not run to where the class is defined"),
        ("raise SystemExit\n", "The file did not run to where the class is defined"),
        ("import os\nos._exit(3)\n", "The file did not run to where the class is defined"),
        ("import threading\nclass ReLULayer:\n    threading.Thread(target=print).start()\n", "Where code is judged it"),
        ("import os\nclass ReLULayer:\n    os.fork()\n", "Where code is judged it may not start"),
        ("class Other: pass\n", "The name is part of the contract"),
    ],
)
def test_hint_for_a_missing_class_is_about_why(tmp_path: Path, text: str, hint: str) -> None:
    """If a file does not run, the hint is about that and not about the class's name."""
    path = tmp_path / "solution.py"
    rest = "" if "class" in text else SOURCE.replace("from __future__ import annotations\n", "")
    path.write_text(text + rest, encoding="utf-8")
    found = [each for each in judged(path, "relu.made").findings if each.status == "failed"]
    assert {each.mistake for each in found} == {"missing"}
    assert all((each.hint or "").startswith(hint) for each in found), found[0]
