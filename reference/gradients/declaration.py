"""Which functions with gradients a file declares, read from its text: nothing of it is run.

The declaration is by names. A file that has ``tanh`` and ``tanh_vjp`` declares the function ``tanh``, with these
companions::

    tanh_args = (np.array([0.5, 2.0]),)          # the pattern of its arguments
    def tanh(x): ...
    def tanh_vjp(cotangent, x): ...              # a tuple with a gradient for each argument
    def tanh_spec(x): ...                        # may be there: the definition
    tanh_domain = [(0, None)]                    # may be there: the legal interval of each argument
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

_VJP, _ARGS, _SPEC, _DOMAIN = "_vjp", "_args", "_spec", "_domain"


class DeclarationError(Exception):
    """A file declares nothing that can be judged; the message says what was expected."""


@dataclass(frozen=True)
class Declared:
    """One function with a gradient.

    Attributes
    ----------
    name
        Of the function.
    has_spec, has_domain
        Which of the companions that may be absent are there.
    """

    name: str
    has_spec: bool
    has_domain: bool


def declared(source: str, wanted: str | None = None) -> list[Declared]:
    """The functions that a file declares, in order.

    Parameters
    ----------
    source
        The text of the file.
    wanted
        The name of the only one that is asked for.

    Raises
    ------
    DeclarationError
        There is none, or not the one that is wanted, or one has no arguments.
    """
    try:
        names = _names(ast.parse(source))
    except (SyntaxError, ValueError) as error:
        raise DeclarationError(f"is no Python that can be read: {error}") from error
    found = [
        Declared(name, f"{name}{_SPEC}" in names, f"{name}{_DOMAIN}" in names)
        for name in names
        if f"{name}{_VJP}" in names and wanted in {None, name}
    ]
    if not found:
        what = f"the functions {wanted} and {wanted}_vjp" if wanted else "a function NAME and its gradient NAME_vjp"
        raise DeclarationError(f"declares nothing to judge: expected {what}, with NAME_args for its arguments")
    without = [each.name for each in found if f"{each.name}{_ARGS}" not in names]
    if without:
        raise DeclarationError(f"says no arguments: expected {without[0]}_args, a tuple of arrays, beside {without[0]}")
    return found


def without_gradients(source: str) -> str:
    """The text without the gradients that it declares: a definition is run where these cannot be asked."""
    tree = ast.parse(source)
    names = _names(tree)
    gradients = {f"{name}{_VJP}" for name in names}
    tree.body = [each for each in tree.body if not gradients & set(_names_of(each))]
    return ast.unparse(tree)


def wrapper(module: str, functions: list[Declared], *, spec: bool = False) -> str:
    """The source of a module with a class for each function, whose methods the sandbox can call."""
    lines = [f"import {module} as _module"]
    for each in functions:
        forward = f"{each.name}{_SPEC}" if spec else each.name
        lines += [
            f"class {class_name(each.name)}:",
            "    def forward(self, *args):",
            f"        return _module.{forward}(*args)",
            "    def vjp(self, cotangent, *args):",
            f"        return _module.{each.name}{_VJP}(cotangent, *args)",
            "    def args(self):",
            f"        return tuple(_module.{each.name}{_ARGS})",
            "    def domain(self):",
            f"        return list(_module.{each.name}{_DOMAIN})" if each.has_domain else "        return None",
        ]
    return "\n".join(lines) + "\n"


def gradient_name(name: str) -> str:
    """The name of a function's gradient."""
    return f"{name}{_VJP}"


def class_name(name: str) -> str:
    """The class that stands for a function in the sandbox."""
    return f"Declared_{name}"


def read(path: Path) -> str:
    """The text of a file; raises `DeclarationError` where it is no text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"cannot be read: {error}") from error


def _names(tree: ast.Module) -> dict[str, None]:
    return dict.fromkeys(name for each in tree.body for name in _names_of(each))


def _names_of(statement: ast.stmt) -> list[str]:
    """What a statement at the top of a file defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [each.id for each in statement.targets if isinstance(each, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    if isinstance(statement, ast.ImportFrom):
        return [each.asname or each.name for each in statement.names]
    return []
