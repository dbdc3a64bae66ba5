"""The verdict on functions with gradients that nobody trusts: they run confined, and the definition apart from them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reference.engine import Effort
from reference.execution.sandbox import Kind, Limits, Sandbox
from reference.execution.system import require_confinement
from reference.execution.worker.protocol import Call, New
from reference.findings import Finding
from reference.gate.classes import Judgement
from reference.gradients import check_vjp, declaration, remote
from reference.gradients.declaration import DeclarationError, Declared
from reference.gradients.remote_repair import RemoteSearch
from reference.wording import fact

#: The module with a class for each function; no module of a user has this name.
_WRAPPER = "bp_declared_functions"


def judge_functions(
    path: Path,
    wanted: str | None = None,
    *,
    only: str = "*",
    seed: int | None = None,
    effort: Effort = "normal",
    limits: Limits | None = None,
    sandbox: Kind = "auto",
) -> Judgement:
    """Judge the functions with gradients that a file declares, each in a process of its own.

    Parameters
    ----------
    path
        The file.
    wanted
        The name of the only function that is asked for.
    only, effort
        As in `reference.check_vjp`.
    seed
        Of the cases; None: a fresh one, so that answers cannot be known beforehand.
    limits, sandbox
        As in `reference.execution.sandbox.Sandbox`.

    Raises
    ------
    DeclarationError
        The file declares nothing that can be judged.
    ValueError
        No check matches ``only``.
    SandboxError
        The sandbox cannot do its work here.
    """
    require_confinement()
    source = declaration.read(path)
    functions = declaration.declared(source, wanted)
    seed = secrets.randbelow(2**31) if seed is None else seed
    start = time.monotonic()
    findings: list[Finding] = []
    with ExitStack() as stack:
        box = stack.enter_context(sandbox_of(source, path.stem, functions, limits, sandbox))
        apart = [each for each in functions if each.has_spec]
        text = declaration.without_gradients(source)
        other = stack.enter_context(sandbox_of(text, path.stem, apart, limits, sandbox, spec=True)) if apart else None

        @cache
        def third() -> Sandbox:
            """The sandbox of the search for repairs, which is told the truth: begun when a gradient is wrong."""
            return stack.enter_context(sandbox_of(source, path.stem, functions, limits, sandbox))

        for each in functions:
            names = (each.name, declaration.gradient_name(each.name))
            repairs = RemoteSearch(third, declaration.class_name(each.name), names, path.name, source)
            options = {"only": only, "seed": seed, "effort": effort, "repairs": repairs}
            found = _findings(each, path.stem, box, other, options)
            findings += found if len(functions) == 1 else [_prefixed(finding, each.name) for finding in found]
        isolation, notes = box.isolation, tuple(box.notes)
    name = str(path) if wanted is None else f"{path}:{wanted}"
    seconds = time.monotonic() - start
    return Judgement(
        name, tuple(findings), 3, effort, seed, seconds, isolation, notes, box.output, only=only, of_lab=False
    )


@contextmanager
def sandbox_of(
    source: str, stem: str, functions: list[Declared], limits: Limits | None, kind: Kind, *, spec: bool = False
) -> Iterator[Sandbox]:
    """A sandbox with a copy of the file, and the classes that stand for its functions."""
    module = stem if stem.isidentifier() else "functions"
    with TemporaryDirectory(prefix="bp-functions-") as folder:
        (Path(folder) / f"{module}.py").write_text(source, encoding="utf-8")
        (Path(folder) / f"{_WRAPPER}.py").write_text(
            declaration.wrapper(module, functions, spec=spec), encoding="utf-8"
        )
        wanted = tuple(declaration.class_name(each.name) for each in functions)
        with Sandbox(Path(folder), limits or Limits(), kind, wanted=wanted) as box:
            yield box


def _findings(
    function: Declared, stem: str, box: Sandbox, other: Sandbox | None, options: dict[str, Any]
) -> list[Finding]:
    cls, name = declaration.class_name(function.name), function.name
    reason = box.missing().get(cls)
    if reason is not None:
        return [_missing(name, reason)]
    try:
        args, domain = (_asked(box, cls, each) for each in ("args", "domain"))
    except remote.RemoteError as error:
        return [_missing(name, str(error))]
    forward, vjp = (remote.method(box, cls, each, f"{name}.{each}") for each in ("forward", "vjp"))
    if function.has_spec and other is not None:
        options = {**options, "spec": remote.method(other, cls, "forward", f"{name}_spec")}
    try:
        found = check_vjp(forward, vjp, *args, domain=_intervals(domain), **options)
        return [replace(each, repro=_script(each.repro, name, stem)) for each in found]
    except (TypeError, ValueError) as error:
        if str(error).startswith("no check matches"):
            raise
        raise DeclarationError(f"cannot be judged: {name}: {error}") from error


def _script(script: str | None, name: str, stem: str) -> str | None:
    """The script with the names that the functions have in the file."""
    if script is None:
        return None
    for role, own in (("forward", name), ("vjp", f"{name}_vjp")):
        script = script.replace(f"from your_module import {role}\n", f"from {stem} import {own}\n")
        script = script.replace(f"print({role}(", f"print({own}(")
    return script


def _asked(box: Sandbox, cls: str, what: str) -> Any:
    _, reply = box.run([New("one", cls), Call("one", what)])
    if reply.error is not None:
        raise remote.RemoteError(reply.error)
    return reply.value


def _intervals(domain: Any) -> Any:
    """The legal intervals; an end that is None is infinite."""
    if domain is None:
        return None
    ends = (-float("inf"), float("inf"))
    return [
        None if each is None else tuple(end if given is None else given for given, end in zip(each, ends, strict=True))
        for each in domain
    ]


def _missing(name: str, reason: str) -> Finding:
    due, came = fact("answers", what=name), fact("absent", said=reason)
    return Finding(
        "vjp.forward.answers",
        f"{name}.forward",
        "failed",
        "The forward pass answers every legal input with an array of real numbers.",
        str(due),
        str(came),
        mistake="missing",
        mistakes=("missing",),
        due=due,
        came=came,
    )


def _prefixed(finding: Finding, name: str) -> Finding:
    """The finding under an id that no other function of the file has."""
    ids = (f"vjp.{name}{each.removeprefix('vjp')}" for each in (finding.check, *finding.depends_on))
    first, *others = ids
    return replace(finding, check=first, depends_on=tuple(others))
