"""Runs what stands in a file after a statement that raised an exception, as a notebook runs its next cells.

A file may load data before it defines its classes, and the data are often not handed in. That should not cost the
classes, which need none.
"""

from __future__ import annotations
import __future__

import ast
import sys
import warnings
from pathlib import Path
from types import ModuleType

from .crashes import file_of
from .import_time import TimeUpError


def costs_no_more_than_its_line(error: BaseException) -> bool:
    """Whether the rest of a file is to be run after an exception.

    It is not where the file ends itself, by ``exit()``; but it is where `argparse` does that, for want of the arguments
    that the author would have given.
    """
    argparse = sys.modules.get("argparse")
    asking = type(error) is SystemExit and argparse is not None and file_of(error) == argparse.__file__
    return isinstance(error, Exception) or asking


def run_after(module: ModuleType, path: Path, error: BaseException) -> str:
    """Run the statements after the one that raised an exception, each by itself; further exceptions are passed over.

    Parameters
    ----------
    module
        The module of the file, as far as it was run.
    path
        The file.
    error
        What its import raised.

    Returns
    -------
    What was done, to be put after the description of the exception; empty if there was nothing to run.
    """
    try:
        failed, following, flags = _parted(path, _line_of(error, path))
        for statement in failed:
            _forget(statement, module)
        for statement in following:
            _run(statement, module, path, flags)
    except TimeUpError:
        return "; what stands after that was still running when the time for it was up"
    except Exception:  # the file may have changed Python itself: then what it has defined so far counts
        return ""
    return "; what stands after that was run all the same" if following else ""


def _line_of(error: BaseException, path: Path) -> int | None:
    """The line at the top level of the file that was being run; None if the file was not run at all."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == str(path) and code.co_name == "<module>":
            return trace.tb_lineno
        trace = trace.tb_next
    return None


def _parted(path: Path, line: int | None) -> tuple[list[ast.stmt], list[ast.stmt], int]:
    """The statement of a file that a line belongs to, those after it, and the compiler's flags for its futures."""
    if line is None:
        return [], [], 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        body = ast.parse(path.read_bytes()).body
    flags = 0
    for each in body:
        if isinstance(each, ast.ImportFrom) and each.module == "__future__":
            for name in each.names:
                flags |= getattr(__future__, name.name).compiler_flag
    until = [each for each in body if _first_line(each) <= line]
    return until[-1:], body[len(until) :], flags


def _first_line(statement: ast.stmt) -> int:
    """The line on which a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _run(statement: ast.stmt, module: ModuleType, path: Path, flags: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(ast.Module([statement], []), str(path), "exec", flags, dont_inherit=True)
    try:
        exec(code, vars(module))  # noqa: S102 - to run the submission is what this process is for
    except Exception:  # the first exception of the file is the one that is told
        _forget(statement, module)


def _forget(failed: ast.stmt, module: ModuleType) -> None:
    """Delete the classes that a statement has not replaced, since it failed: the earlier ones are not what is meant."""
    if isinstance(failed, ast.ClassDef):
        names = [failed.name]
    elif isinstance(failed, ast.Assign):
        names = [each.id for each in failed.targets if isinstance(each, ast.Name)]
    else:
        return
    for name in names:
        if isinstance(vars(module).get(name), type):
            delattr(module, name)
