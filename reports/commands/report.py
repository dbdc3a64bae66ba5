"""``bp report``: runs all experiments, draws all figures and writes the document."""

from __future__ import annotations

import argparse

from rich.console import Console

from reference.execution.implementation import NotAnImplementation
from reference.execution.sandbox import Limits
from reference.gate import located
from reports.commands.data import mnist_folder
from reports.io.exit_codes import FAILED, OK, TOOL, UsageError
from reports.io.interruption import terminable
from reports.io.lock import only_run_on
from reports.io.outputs import made_folder, require_matplotlib
from reports.io.progress import Display
from reports.study.build import build
from reports.study.cache import Cache
from reports.study.gather import gather
from reports.study.plan import FULL, QUICK, parts
from reports.study.results import Title
from reports.study.submission_runs import Submission
from reports.verdicts.settings import refuse_without_confinement


def run(arguments: argparse.Namespace) -> int:
    """Write the report into ``arguments.out``; results that an earlier run has kept there are used again."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    require_matplotlib()
    submission = _submission(arguments)
    made_folder("out", arguments.out)
    with only_run_on(arguments.out / "report"), terminable():
        return _write(arguments, submission, errors)


def _write(arguments: argparse.Namespace, submission: Submission | None, errors: Console) -> int:
    folder = mnist_folder(arguments.folder, errors)
    if folder is None:
        return TOOL
    plan = QUICK if arguments.quick else FULL
    with Display(errors) as display:
        study = gather(
            parts(plan, folder, submission),
            Cache(arguments.out / ".cache"),
            display,
            shortened=" ".join(plan.shortened),
            title=Title(arguments.name, arguments.course, arguments.date, arguments.code),
        )
    documents = build(study, arguments.out)
    out = Console(highlight=False, soft_wrap=True)
    for document in documents:
        out.print(str(document), markup=False)
    for name, reason in study.failed.items():
        errors.print(f"bp report: {name} failed and is missing in the report: {reason}", markup=False)
    stopped = {name: each["history"]["stopped"] for name, each in study.numbers()["submission"].items()}
    for name, reason in stopped.items():
        if reason is not None:
            errors.print(f"bp report: {arguments.implementation}, {name}: stopped {reason}", markup=False)
    return FAILED if study.failed or any(stopped.values()) else OK


def _submission(arguments: argparse.Namespace) -> Submission | None:
    """The submission whose curves are drawn over ours, or None; what cannot be found or run here is refused at once."""
    if arguments.implementation is None:
        return None
    refuse_without_confinement()
    try:
        located(arguments.implementation)
    except NotAnImplementation as error:
        raise UsageError(f"--implementation: {error}") from error
    limits = Limits(arguments.timeout, arguments.memory * 2**20)
    return Submission(arguments.implementation, limits, arguments.sandbox)
