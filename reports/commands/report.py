"""``bp report``: all experiments, all figures, the document."""

from __future__ import annotations

import argparse

from rich.console import Console

from reports.build import build
from reports.commands.data import mnist_folder
from reports.exit_codes import OK, TOOL, UsageError
from reports.progress import Display
from reports.results import FULL, QUICK, gather


def run(arguments: argparse.Namespace) -> int:
    """Write the report into ``arguments.out``."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    if arguments.out.exists() and not arguments.out.is_dir():
        raise UsageError(f"expected --out to be a folder, {arguments.out} is a file")
    # Before minutes of work, not after them.
    arguments.out.mkdir(parents=True, exist_ok=True)
    folder = mnist_folder(arguments.folder, errors)
    if folder is None:
        return TOOL
    with Display(errors) as display:
        results = gather(QUICK if arguments.quick else FULL, folder, display)
    documents = build(results, arguments.out)
    out = Console(highlight=False, soft_wrap=True)
    for document in documents:
        out.print(str(document), markup=False)
    return OK
