"""Looks for the repair of a gradient that runs in the sandbox: the search is sent there, and its words come back.

The search needs the truth beside the code, so it has a sandbox of its own, which answers nothing else: what the code
may learn there, it can tell nobody who decides. Of what comes back, places are looked up in the file's own text here,
and words are those of the vocabulary.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from reference.execution.system import SandboxError
from reference.execution.worker.frames import FrameError
from reference.execution.worker.protocol import Call, Define, Executor, New, Ref, Step, own
from reference.gradients.context import Context
from reference.gradients.diagnosis.samples import Sample
from reference.gradients.repair import Repair
from reference.numerics import likeness
from reference.wording.vocabulary import MISTAKES

_ROOT = Path(__file__).resolve().parents[1]
#: Modules of the search that stay here, and modules of numerics that it needs there.
_STAY = frozenset({"__init__", "found"})
_OTHERS = ("likeness.py", "shapes.py")
#: Repairs that are taken from a reply.
_MOST = 100
_PACKAGES = ("reference", "reference.gradients", "reference.gradients.repair", "reference.numerics")
#: Makes modules of the texts, whatever the file has made of these names.
_IMPORTER = """
import sys
from importlib.machinery import ModuleSpec

SOURCES = {sources!r}


class Importer:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in SOURCES:
            return None
        return ModuleSpec(name, Importer, is_package=name in {packages!r})

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        name = module.__spec__.name
        module.__file__ = "/examiner/" + name.replace(".", "/") + ".py"
        exec(compile(SOURCES[name], module.__file__, "exec"), vars(module))


for name in SOURCES:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Importer)
from reference.gradients.repair.sent import Searching
"""


@cache
def searching() -> str:
    """The text that the worker runs to have the class `repair.sent.Searching`."""
    texts = dict.fromkeys(_PACKAGES, "")
    files = [each for each in (_ROOT / "gradients" / "repair").glob("*.py") if each.stem not in _STAY]
    for path in sorted([*files, *(_ROOT / "numerics" / name for name in _OTHERS)]):
        name = ".".join(("reference", *path.relative_to(_ROOT).with_suffix("").parts))
        texts[name] = path.read_text(encoding="utf-8")
    return _IMPORTER.format(sources=texts, packages=_PACKAGES)


@dataclass(frozen=True)
class RemoteSearch:
    """Looks for the repairs of one declared function.

    Attributes
    ----------
    executor
        Gives a sandbox that has the file and answers nothing else.
    cls
        The class there that stands for the function.
    names
        Of the function and of its gradient in the file.
    file, source
        The file's name and its text.
    """

    executor: Callable[[], Executor]
    cls: str
    names: tuple[str, str]
    file: str
    source: str

    def __call__(self, context: Context, samples: Sequence[Sample]) -> list[Repair]:
        """The repairs that the search has found, the best first; none where no reply comes."""
        cases: list[tuple[Any, ...]] = []
        for each in samples:
            if not any(each.args is args for args in cases):
                cases.append(each.args)
        told = [
            [
                next(number for number, args in enumerate(cases) if args is each.args),
                each.cotangent,
                *map(_plain, (each.answers, each.truths, each.slack)),
            ]
            for each in samples
        ]
        arguments = {
            "declared": Ref("one"),
            "names": list(self.names),
            "dtype": np.dtype(context.dtype).str,
            "given": _plain(context.pattern.args),
            "differentiable": list(context.pattern.differentiable),
            "cases": [_plain(each) for each in cases],
            "samples": told,
            "steps": likeness.REPAIR_STEPS,
        }
        steps: list[Step] = [
            New("one", self.cls),
            Define(searching()),
            New("search", own("Searching")),
            Call("search", "repairs", arguments),
        ]
        try:
            reply = self.executor().run(steps)[-1]
        except (SandboxError, FrameError):  # no process can be started, or the arrays are too large to be sent
            return []
        return [] if reply.error is not None else list(self._repairs(reply.value, len(context.pattern.differentiable)))

    def _repairs(self, value: Any, count: int) -> Iterator[Repair]:
        """What a reply tells of this file: anything else was not found by the search."""
        tree = ast.parse(self.source)
        for each in value[:_MOST] if type(value) is list else ():
            if type(each) is not tuple or list(map(type, each)) != [str, int, str, str, tuple, float]:
                continue
            word, line, source, expression, positions, cost = each
            is_of_arguments = all(type(n) is int and 0 <= n < count for n in positions)
            if word in {*MISTAKES, ""} and is_of_arguments and _is_there(tree, line, source, expression):
                yield Repair(word, self.file, line, source, expression, positions, cost)


def _plain(arrays: Sequence[Any]) -> list[Any]:
    return [np.ascontiguousarray(each).reshape(np.shape(each)) for each in arrays]


def _is_there(tree: ast.AST, line: int, source: str, expression: str) -> bool:
    """Whether the file has the expression in a line, in that statement; or a value of that name that is met there."""
    nodes = [each for each in ast.walk(tree) if isinstance(each, ast.expr | ast.stmt)]
    around = [each for each in nodes if isinstance(each, ast.stmt) and each.lineno <= line <= (each.end_lineno or line)]
    if source == expression and expression.isidentifier():  # behind a statement that changes what has this name
        return bool(around) and any(_text(each) == expression for each in nodes)
    return any(_text(each) == source for each in around) and any(
        each.lineno == line and _text(each) == expression for each in nodes
    )


def _text(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0]
