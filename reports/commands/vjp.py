"""``bp vjp``: judges the functions with gradients that a file declares, in the sandbox."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from reference.execution.sandbox import Limits
from reference.execution.system import SandboxError
from reference.gate.functions import judge_functions
from reference.gradients.declaration import DeclarationError
from reports.io.exit_codes import FAILED, OK, TOOL, ToolError, UsageError
from reports.io.interruption import terminable
from reports.io.outputs import Outputs, require_matplotlib
from reports.verdicts import FORMATS, terminal
from reports.verdicts.settings import refuse_without_confinement

_EXIT_CODES = {"pass": OK, "fail": FAILED, "error": TOOL}
_MIB = 2**20


def run(arguments: argparse.Namespace) -> int:
    """Judge the functions that ``arguments`` name, and write the verdict."""
    outputs = Outputs({name: getattr(arguments, name) for name in FORMATS})
    if "html" in outputs.files:
        require_matplotlib()
    refuse_without_confinement()
    path, name = _named(arguments.path)
    with terminable():
        try:
            judgement = judge_functions(
                path,
                name,
                only=arguments.only,
                seed=arguments.seed,
                effort=arguments.effort,
                limits=Limits(arguments.timeout, arguments.memory * _MIB),
                sandbox=arguments.sandbox,
            )
        except DeclarationError as error:
            raise UsageError(f"{path} {error}") from error
        except ValueError as error:
            raise UsageError(str(error)) from error
        except SandboxError as error:
            raise ToolError(str(error)) from error
    terminal(judgement, Console(stderr=outputs.to_stdout, highlight=False))
    for each in outputs.files:
        outputs.write(each, FORMATS[each](judgement))
    return _EXIT_CODES[judgement.verdict]


def _named(text: str) -> tuple[Path, str | None]:
    """The file and the function in ``FILE.py:NAME``.

    Raises
    ------
    UsageError
        There is no such file.
    """
    file, colon, name = text.rpartition(":")
    path, wanted = (Path(file), name) if colon and name.isidentifier() else (Path(text), None)
    if not path.is_file():
        raise UsageError(f"expected a Python file, there is none at {path}")
    return path, wanted
