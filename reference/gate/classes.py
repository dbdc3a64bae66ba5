"""The verdict on an implementation of the lab's classes."""

from __future__ import annotations

import importlib.util
import secrets
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reference.engine import Effort
from reference.execution.implementation import EMPTY, NotAnImplementation
from reference.execution.sandbox import Kind, Limits, Sandbox
from reference.execution.screening import refuse_what_cannot_be_judged
from reference.execution.system import require_confinement
from reference.findings import Finding, passed
from reference.lab.check import LabExamination

Outcome = Literal["pass", "fail", "error"]


@dataclass(frozen=True)
class Judgement:
    """What came of judging one submission.

    Attributes
    ----------
    implementation
        Its name, or as it was asked for.
    findings
        One for each check, in order.
    assignment, effort, seed
        How it was judged; the seed repeats the cases.
    seconds
        Wall clock, and how much of it each finding took (by id).
    isolation
        What was in force, in words.
    notes
        Stand-ins, files that ended with an exception, and the like.
    output
        What the submission wrote on its standard streams, bounded. Never to be believed.
    only
        The pattern of the checks that were asked for.
    of_lab
        Whether the lab's classes were judged, of which ``assignment`` tells; else it was functions.
    """

    implementation: str
    findings: tuple[Finding, ...]
    assignment: int
    effort: Effort
    seed: int
    seconds: float
    isolation: str
    notes: tuple[str, ...] = ()
    output: str = ""
    durations: Mapping[str, float] = field(default_factory=dict)
    only: str = "*"
    of_lab: bool = True

    @property
    def verdict(self) -> Outcome:
        """Fail until proven otherwise; error where the examiner itself had a fault and nothing failed."""
        if any(finding.status == "failed" for finding in self.findings):
            return "fail"
        if any(finding.status == "error" for finding in self.findings):
            return "error"
        return "pass" if passed(self.findings) else "fail"

    @property
    def counts(self) -> dict[str, int]:
        """How many findings of each status."""
        found = Counter(finding.status for finding in self.findings)
        return {status: found[status] for status in ("passed", "failed", "skipped", "error")}


def judge(
    path: str | Path,
    *,
    assignment: int = 3,
    only: str = "*",
    seed: int | None = None,
    effort: Effort = "normal",
    limits: Limits | None = None,
    sandbox: Kind = "auto",
    name: str | None = None,
    on_finding: Callable[[Finding, int], object] | None = None,
    first: bool = False,
) -> Judgement:
    """Judge the submission at a path in a process of its own.

    Parameters
    ----------
    path
        A folder, a file, or a dotted module name.
    assignment, only, effort
        As in `reference.check`.
    seed
        Of the cases; None: a fresh one, so that answers cannot be known beforehand.
    limits, sandbox
        As in `reference.execution.sandbox.Sandbox`.
    name
        What the submission is called in all that is told of it; None: the path.
    on_finding
        Is called with each finding when it is made, and with the number of all that there will be.
    first
        Whether to stop at the first check that fails.

    Raises
    ------
    NotAnImplementation
        There is nothing of that name, no Python file in it, or one submission beside the other.
    ValueError
        An option is not what it should be, or no check matches ``only``.
    SandboxError
        The sandbox cannot do its work here.
    """
    require_confinement()
    seed = secrets.randbelow(2**31) if seed is None else seed
    name = str(path) if name is None else name
    start = time.monotonic()
    place = located(path)
    refuse_what_cannot_be_judged(place, name)
    box = Sandbox(place, limits or Limits(), sandbox)
    findings: list[Finding] = []
    durations: dict[str, float] = {}
    with box:
        examination = LabExamination(box, name, assignment=assignment, only=only, seed=seed, effort=effort)
        for check in examination.checks:
            before = time.monotonic()
            findings.append(examination.finding(check.id))
            durations[check.id] = time.monotonic() - before
            if on_finding is not None:
                on_finding(findings[-1], len(examination.checks))
            if first and findings[-1].status == "failed":
                break
        isolation, notes = box.isolation, tuple(box.notes)
    seconds = time.monotonic() - start
    return Judgement(
        name,
        tuple(findings),
        assignment,
        effort,
        seed,
        seconds,
        isolation,
        notes,
        box.output,
        durations,
        only,
    )


def located(path: str | Path) -> Path:
    """The file or folder that is meant, without running anything of it.

    Raises
    ------
    NotAnImplementation
        There is nothing of that name.
    """
    name = str(path)
    if not name.strip():
        raise NotAnImplementation(EMPTY)
    module = _module(name) if all(part.isidentifier() for part in name.split(".")) else None
    # A program called `bp` may lie where `bp check bp` is said; it is no module.
    if Path(path).exists() and (module is None or Path(path).is_dir() or Path(path).suffix):
        return Path(path).resolve()
    if module is not None:
        return module
    kinds = "file, folder or module" if all(part.isidentifier() for part in name.split(".")) else "file or folder"
    raise NotAnImplementation(f"there is no {kinds} {name}")


def _module(name: str) -> Path | None:
    """The package or the file of a dotted name, where Python would look for it, and at last in this folder."""
    relative = Path(*name.split("."))
    places = [Path(each).resolve() for each in sys.path if each]
    places += _installed(relative.parts[0])
    for folder in [*(each for each in places if each not in _NOBODYS), Path()]:
        package, file = Path(folder, relative), Path(folder, relative).with_suffix(".py")
        if (package / "__init__.py").is_file():
            return package.resolve()
        if file.is_file():
            return file.resolve()
    return None


def _installed(name: str) -> list[Path]:
    """Where the module of a plain name lies, which Python finds without running it: an editable one is on no path."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # a module that was made by hand
        return []
    if spec is None or spec.origin is None or not spec.has_location:
        return []
    file = Path(spec.origin).resolve()
    return [file.parent.parent if file.name == "__init__.py" else file.parent]


#: Programs lie in the one, which is first on the path of each of them, and Python's own modules in the other, where
#: somebody's `code.py` is not meant.
_NOBODYS = tuple(Path(sysconfig.get_path(each)).resolve() for each in ("scripts", "stdlib"))
