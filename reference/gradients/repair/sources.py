"""The functions that compute a gradient, as the writer wrote them: found by running them, and compiled again."""

from __future__ import annotations

import ast
import contextlib
import gc
import inspect
import os
import sys
import sysconfig
import textwrap
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import numpy as np

#: Folders of code that nobody who hands in a gradient has written.
_FOREIGN = tuple(
    f"{folder}{os.sep}"  # with the separator: the name of the writer's own folder may begin as one of these does
    for folder in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(__file__).resolve().parents[2]),
        str(Path(np.__file__).parents[1]),
    }
)
_INSTALLED = frozenset({"site-packages", "dist-packages"})
#: Lines of a function that is small enough to be tried with an edit in each of its places.
_MOST_LINES = 200


class NoSourceError(Exception):
    """The source of a function cannot be had, or is not what runs."""


@dataclass(eq=False)
class Source:
    """One function of the writer's.

    Attributes
    ----------
    function
        The function itself.
    twins
        All functions that run the same code, itself among them, such as closures that were made by one call each.
    tree
        Its definition, without decorators; lines are counted as in its file.
    """

    function: FunctionType
    tree: ast.FunctionDef
    twins: tuple[FunctionType, ...]
    _class: str | None = None
    parents: dict[ast.AST, tuple[ast.AST, str, int | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for parent in ast.walk(self.tree):
            for name, value in ast.iter_fields(parent):
                if isinstance(value, ast.AST):
                    self.parents[value] = parent, name, None
                elif isinstance(value, list):
                    for number, each in enumerate(value):
                        if isinstance(each, ast.AST):
                            self.parents[each] = parent, name, number

    @property
    def filename(self) -> str:
        """Where the function stands."""
        return self.function.__code__.co_filename

    def compiled(self, tree: ast.FunctionDef) -> CodeType:
        """The code of another definition of the function, which can take the place of its own.

        Raises
        ------
        NoSourceError
            It cannot.
        """
        code = self.function.__code__
        free = code.co_freevars
        never = ast.parse(f"if False: {', '.join(free)}").body if free else []
        inner = {**vars(tree), "body": [*tree.body, *never], "type_params": []}  # which Python asks for since 3.12
        names = [name for name in free if name != "__class__" or self._class is None]
        module = ast.parse(f"def outer({', '.join(names)}): pass")
        holder: Any = module.body[0]
        if self._class is not None:
            holder.body = ast.parse(f"class {self._class}: pass").body
            holder = holder.body[0]
        holder.body = [ast.FunctionDef(**inner)]
        compiled = compile(ast.fix_missing_locations(module), code.co_filename, "exec")
        found = _inner(compiled, tree.name, 2 if self._class is None else 3)
        if found is None or found.co_freevars != free:
            raise NoSourceError
        return found


def _inner(code: CodeType, name: str, depth: int) -> CodeType | None:
    """The code of a function that is defined at a depth inside other code."""
    if depth == 0:
        return code if code.co_name == name else None
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found = _inner(each, name, depth - 1)
            if found is not None:
                return found
    return None


def sources_of(call: Callable[[], Any], others: Sequence[Callable[[], Any]] = ()) -> list[Source]:
    """The writer's functions that run in a call, and in none of some other calls; the outermost comes first.

    Raises
    ------
    NoSourceError
        There is none whose source is at hand.
    """
    ran = _codes(call)[0]
    elsewhere = {code for other in others for code in _codes(other)[0]}
    codes = [code for code in ran if code not in elsewhere and _is_of_writer(code)]
    nested = {inner for code in codes for inner in code.co_consts if isinstance(inner, CodeType)}
    codes = [code for code in codes if code not in nested]
    functions: dict[CodeType, list[FunctionType]] = {}
    for function in _functions({code: ran[code] for code in codes}):
        functions.setdefault(function.__code__, []).append(function)
    found = []
    for code in codes:
        if code in functions:
            try:
                found.append(_source(functions[code]))
            except (OSError, SyntaxError, ValueError, tokenize.TokenError, NoSourceError):
                continue
    if not found:
        raise NoSourceError
    return found


def calls_in(call: Callable[[], Any]) -> int:
    """How many functions a call runs, those that are not written in Python among them."""
    return _codes(call)[1]


def _codes(call: Callable[[], Any]) -> tuple[dict[CodeType, Mapping[str, Any]], int]:
    """The code of all functions of Python that a call runs, in order, and how many calls of any functions it makes.

    Each code has the globals of its module. Code that runs with the globals of several modules, such as that of a file
    that was imported twice, has none.
    """
    seen: dict[CodeType, Mapping[str, Any]] = {}
    count = 0

    def watch(frame: FrameType, event: str, _: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}
        if event == "call" and seen.setdefault(frame.f_code, frame.f_globals) is not frame.f_globals:
            seen[frame.f_code] = {}

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        with contextlib.suppress(Exception, SystemExit):  # whatever foreign code raises, when it is called again
            call()
    finally:
        sys.setprofile(before)
    return seen, count


def _is_of_writer(code: CodeType) -> bool:
    name = code.co_filename
    is_foreign = any(name.startswith(folder) for folder in _FOREIGN) or not _INSTALLED.isdisjoint(Path(name).parts)
    return code.co_name.isidentifier() and not is_foreign


def _functions(codes: Mapping[CodeType, Mapping[str, Any]]) -> Iterator[FunctionType]:
    """The functions that have these codes: the one that the code's name leads to, or else all that there are.

    To look through all objects of a program that has many takes longer than the search of many repairs.
    """
    wanted = set()
    for code, names in codes.items():
        function = _named(code.co_qualname, names)
        if isinstance(function, FunctionType) and function.__code__ is code:
            yield function
        else:
            wanted.add(code)
    yield from _of_codes(wanted) if wanted else ()


def _named(path: str, names: Mapping[str, Any]) -> Any:
    """What a qualified name leads to; None where it leads nowhere, as the name of an inner function does."""
    first, *others = path.split(".")
    found = names.get(first)
    for each in others:
        found = vars(found).get(each) if isinstance(found, type) else None
    return found


def _of_codes(wanted: Set[CodeType]) -> list[FunctionType]:
    """All functions that have these codes.

    The objects that `gc.freeze` has taken out of the collector's sight may be many. They are looked through only where
    the others have no function for some code.
    """
    found = _in_sight(wanted)
    if gc.get_freeze_count() == 0 or wanted <= {each.__code__ for each in found}:
        return found
    gc.unfreeze()
    try:
        return _in_sight(wanted)
    finally:
        gc.freeze()


def _in_sight(wanted: Set[CodeType]) -> list[FunctionType]:
    referrers = gc.get_referrers(*wanted)
    return [each for each in referrers if isinstance(each, FunctionType) and each.__code__ in wanted]


def _source(twins: Sequence[FunctionType]) -> Source:
    function = twins[0]
    lines, first = inspect.getsourcelines(function.__code__)
    if len(lines) > _MOST_LINES:
        raise NoSourceError
    module = ast.parse(textwrap.dedent("".join(lines)))
    ast.increment_lineno(module, max(first, 1) - 1)
    tree = module.body[0] if module.body else None
    if not isinstance(tree, ast.FunctionDef) or tree.name != function.__code__.co_name:
        raise NoSourceError
    tree.decorator_list = []
    names = function.__qualname__.split(".")
    in_class = len(names) > 1 and names[-2] != "<locals>"
    found = Source(function, tree, tuple(twins), names[-2] if in_class else None)
    if not _is_same(found.compiled(tree), function.__code__):
        raise NoSourceError  # the file has changed
    return found


def _is_same(one: CodeType, two: CodeType) -> bool:
    """Whether two codes are those of the same source, so far as names tell."""
    return one.co_varnames == two.co_varnames and set(one.co_names) == set(two.co_names)
