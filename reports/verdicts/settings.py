"""The settings with which a submission is judged, read from the options of the command line."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reference import Finding, Judgement, judge
from reference.engine import Effort
from reference.execution.sandbox import Kind, Limits
from reference.execution.system import SandboxError, require_confinement
from reference.lab.check import checks_of
from reference.numerics.oracles import ball
from reports.io.exit_codes import ToolError, UsageError

_MIB = 2**20


@dataclass(frozen=True)
class Settings:
    """Everything that a verdict depends on, besides the submission itself.

    Attributes
    ----------
    assignment, only, seed, effort, sandbox
        As in `reference.judge`.
    seconds, memory
        The limits of the submission: processor time, and bytes of memory.
    """

    assignment: int
    only: str
    seed: int
    effort: Effort
    seconds: float
    memory: int
    sandbox: Kind

    def judge(
        self,
        path: Path | str,
        name: str,
        on_finding: Callable[[Finding, int], object] | None = None,
        *,
        first: bool = False,
    ) -> Judgement:
        """Judge the submission at a path, and call it ``name`` in the judgement; if ``first``, to its first failure.

        Raises
        ------
        ToolError
            The sandbox cannot work on this machine.
        """
        try:
            return judge(
                path,
                assignment=self.assignment,
                only=self.only,
                seed=self.seed,
                effort=self.effort,
                limits=Limits(self.seconds, self.memory),
                sandbox=self.sandbox,
                name=name,
                on_finding=on_finding,
                first=first,
            )
        except SandboxError as error:
            raise ToolError(str(error)) from error


def settings_of(arguments: argparse.Namespace, seed: int | None = None) -> Settings:
    """The settings in the options of the command line.

    The seed is that of the option, else ``seed``, else a fresh one, so that nobody can know the cases beforehand.

    Raises
    ------
    UsageError
        No check matches ``--only``.
    ToolError
        Ball arithmetic, which gives the truth, is absent, so that hardly anything could be judged; or foreign code
        cannot be confined here.
    """
    try:
        checks_of(arguments.only, arguments.assignment)
    except ValueError as error:
        raise UsageError(str(error)) from error
    refuse_without_confinement()
    absent = ball.available()
    if absent is not None:
        raise ToolError(f"nothing can be judged: {absent}; install it: pip install '.[check]' in the project's folder")
    return Settings(
        arguments.assignment,
        arguments.only,
        next(each for each in (arguments.seed, seed, secrets.randbelow(2**31)) if each is not None),
        arguments.effort,
        arguments.timeout,
        arguments.memory * _MIB,
        arguments.sandbox,
    )


def refuse_without_confinement() -> None:
    """Refuse to run foreign code where it cannot be confined, before anything of it is opened.

    Raises
    ------
    ToolError
        With what this system lacks, and what to do instead.
    """
    try:
        require_confinement()
    except SandboxError as error:
        raise ToolError(str(error)) from error
