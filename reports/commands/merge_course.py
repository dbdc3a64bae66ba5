"""``bp check --merge``: joins what the shards of a class have judged, and writes the tables of one run."""

from __future__ import annotations

import argparse

from reports.course.shards import merged
from reports.course.tables import exit_code, outputs_of, scheme_of, show, tables_of
from reports.io.exit_codes import UsageError


def refuse_contradictions(arguments: argparse.Namespace) -> None:
    """Refuse what goes with judging: a merge judges nothing."""
    given = [
        name
        for name in ("path", "all", "shard", "reports", "resume", "jobs", "expect", "gradescope", "first", "full")
        if getattr(arguments, name)
    ]
    if given:
        option = "PATH" if given[0] == "path" else f"--{given[0]}"
        raise UsageError(f"--merge judges nothing: leave {option} out")


def run(arguments: argparse.Namespace) -> int:
    """Join the files of the shards, show the summary and write the tables."""
    outputs = outputs_of(arguments)
    results, settings = merged(arguments.merge)
    show(results, settings, outputs, tables_of(arguments, settings), scheme_of(arguments))
    return exit_code(each.entry for each in results)
