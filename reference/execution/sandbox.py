"""A session in a process of its own: foreign code answers there, and is given nothing else to do.

The parent keeps the questions' answers, compares and decides. The child has a copy of the submission, numpy, and the
modules of `reference.execution.worker`; it answers with arrays, which are checked before they are believed. However it
ends, by itself, at a limit, or by force, that is an answer too, and nothing of it stays behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from reference.execution import bubblewrap, libraries, sanitize, submission_files
from reference.execution.worker_process import WorkerProcess, EndedError, SecondsLeft, StartError, is_overfull
from reference.execution.implementation import CLASSES, OPTIONAL
from reference.execution.limits import IMPORT, REQUEST, Budget, Limits, Deadline
from reference.execution.worker import frames
from reference.execution.worker.protocol import Call, New, Reply, Step, Work

__all__ = ["Kind", "Limits", "Sandbox", "SandboxError"]

Kind = Literal["auto", "process", "bwrap"]

#: Loads the worker as a package of its own: the rest of ours is not to be had there.
_BOOT = """
import importlib.util, sys
folder, libraries, settings = sys.argv[1:]
sys.path.append(libraries)
spec = importlib.util.spec_from_file_location("bp_worker", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["bp_worker"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from bp_worker.serve import main
main(settings)
"""
#: What people import for plots, tables, progress bars and experiments: absent here, and no part of what is judged.
_WELL_KNOWN = {
    "_tkinter", "tkinter", "matplotlib", "mpl_toolkits", "pandas", "polars", "seaborn", "plotly", "bokeh", "altair",
    "pygame", "graphviz", "networkx", "tqdm", "rich", "alive_progress", "progressbar", "colorama", "tabulate",
    "termcolor", "sklearn", "scipy", "statsmodels", "xgboost", "sympy", "numba", "numexpr", "cupy", "cython",
    "autograd", "numdifftools", "joblib", "torch", "torchvision", "tensorflow", "keras", "jax", "jaxlib", "flax",
    "theano", "mxnet", "tensorboard", "wandb", "mlflow", "optuna", "PIL", "cv2", "skimage", "imageio", "h5py",
    "idx2numpy", "python_mnist", "requests", "yaml", "toml", "absl", "gdown", "openml", "IPython", "ipywidgets",
    "jupyter", "google", "pytest", "hypothesis", "nose", "black", "mypy", "typing_extensions", "attr", "psutil", "dill",
    "cloudpickle", "line_profiler", "memory_profiler",
}  # fmt: skip
_FILE_SIZE = 2**24
#: Questions in one frame: going and coming takes as long as a small answer.
_REQUESTS_PER_FRAME = 24
#: For the child's own preparations. However busy the machine is: one that takes longer will never come up.
_SECONDS_TO_START = 300.0
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")
_OUR_NAMES = {"PATH": os.defpath, "LANG": "C.UTF-8", "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"}
_PROCESSOR = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class SandboxError(Exception):
    """The sandbox cannot do its work here; no fault of the submission's."""


@dataclass
class Sandbox:
    """A `Executor` over the submission at a path. To be used as a context, which removes all traces.

    Parameters
    ----------
    path
        A file or a folder.
    limits
        Of the worker.
    kind
        "process": limits and, on Linux, a filter of system calls and of files. "bwrap": these and bubblewrap, which
        gives the child a file system, processes and a network of its own. "auto": the better one that works.

    Attributes
    ----------
    isolation
        What was in force, in words, and what was not; to be told with every verdict.
    notes
        What else a person should know: stand-ins, files that ended with an exception.
    output
        What the submission wrote on its standard streams, the first 64 KiB.
    """

    path: Path
    limits: Limits = field(default_factory=Limits)
    kind: Kind = "auto"
    isolation: str = ""
    notes: list[str] = field(default_factory=list)
    output: str = ""

    def __enter__(self) -> Sandbox:
        if os.name != "posix":
            raise SandboxError("expected a POSIX system: a process cannot be confined on this one")
        # Its true name: the child is told of it, and so is who asks what works there.
        self._folder = Path(tempfile.mkdtemp(prefix="bp-check-")).resolve()
        try:
            self._prepare()
            self._missing: dict[str, str] | None = None
            self._modules: dict[str, str] = {}
            self._worker: WorkerProcess | None = None
            self._cannot_fork, self._budget = False, Budget(self.limits)
            self._ends: dict[str, EndedError] = {}
            self._refused: set[str] = set()
            self._written = bytearray()
            self._bubblewrap = self._chosen() == "bwrap"
        except BaseException:
            submission_files.remove(self._folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self.output = sanitize.lines(self._without_folder(self._written.decode("utf-8", "replace")))
        submission_files.remove(self._folder)

    def missing(self) -> Mapping[str, str]:
        """See `Executor`."""
        if self._missing is None:
            try:
                self._start()
            except EndedError as end:
                self._stop()
                self._missing = dict.fromkeys(CLASSES, f"the import of {self._name} {end.message}")
        return self._missing or {}

    def modules(self) -> Mapping[str, str]:
        """See `Executor`."""
        return self._modules

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        """See `Executor`."""
        asked = _asked(steps)
        # Steps that are known to end the process are left out; if the last one is, nothing is asked at all.
        left_out = {place: self._ends[each] for place, each in enumerate(asked) if each in self._refused}
        if len(steps) - 1 in left_out:
            return [_no_reply(left_out[len(steps) - 1])] * len(steps)
        try:
            if self._worker is None:
                self._start()
            chosen = [step for place, step in enumerate(steps) if place not in left_out]
            replies = iter(self._exchange(chosen, chosen))
        except EndedError as end:
            self._remember(asked[-1], end)
            self._stop()
            return [_no_reply(end)] * len(steps)
        return [_no_reply(left_out[place]) if place in left_out else next(replies) for place in range(len(steps))]

    def run_all(self, questions: Iterable[Sequence[Step]], meanwhile: Iterable[Work] = ()) -> Iterator[list[Reply]]:
        """See `Executor`: as many at a time as go into a frame without a thought."""
        waiting, work = iter(questions), iter(meanwhile)
        while group := list(islice(waiting, _REQUESTS_PER_FRAME)):
            yield from self._together(group, list(islice(work, len(group)))) or map(self.run, group)

    def _together(self, group: list[Sequence[Step]], meanwhile: Sequence[Work]) -> list[list[Reply]] | None:
        """The replies, if all goes well; who ended the process is found out by asking one by one."""
        if self._worker is None or self._ends:
            return None
        flat = [step for steps in group for step in steps]
        try:
            replies = iter(self._exchange([list(steps) for steps in group], flat, meanwhile))
        except EndedError:
            self._stop()
            return None
        return [list(islice(replies, len(steps))) for steps in group]

    def _remember(self, asked: str, end: EndedError) -> None:
        """What ends the process twice, or has slept until it was ended once, is not asked any more."""
        if self._worker is None:
            return  # it was not even asked
        often = " again and again" if asked in self._ends else ""
        if often or not end.retry:
            self._refused.add(asked)
        self._ends[asked] = EndedError(end.kind, f"was not asked any more, since {asked} {end.message}{often}")

    # Preparation

    def _prepare(self) -> None:
        """The child's folders: what it runs, and what it may write in; a copy each."""
        for name in ("bp_worker", "libraries", "work"):
            (self._folder / name).mkdir()
        shutil.copytree(Path(frames.__file__).parent, self._folder / "bp_worker", dirs_exist_ok=True, ignore=_IGNORED)
        self._real_libraries = libraries.package_folders()
        for path in self._real_libraries:
            (self._folder / "libraries" / path.name).symlink_to(path)
        self._work = self._folder / "work"
        self._name = sanitize.printable(self.path.name)
        self._root, self._left_out = submission_files.copy(self.path, self._work)
        self.notes = self._left_out

    def _empty(self) -> None:
        """Where a process has left too much the next one would be ended for it: it gets a new copy."""
        if is_overfull(self._work):
            submission_files.remove(self._work)
            self._work.mkdir()
            submission_files.copy(self.path, self._work)

    def _chosen(self) -> Kind:
        if self.kind == "process":
            return "process"
        works = bubblewrap.works()
        if self.kind == "bwrap" and not works:
            raise SandboxError("bubblewrap (the command bwrap) is not there or may not make namespaces here")
        return "bwrap" if works else "process"

    # The child

    def _start(self) -> None:
        self._budget.left()
        self._empty()
        try:
            self._worker = WorkerProcess(self._command, self._work, self._environment(), self._written)
        except StartError as error:
            raise SandboxError(f"the child process cannot be started: {error}") from error
        self._budget.count(self._worker.spent)
        self._hear_what_is_in_force()
        hello = self._receive(Deadline(self._budget, IMPORT))
        try:
            found = sanitize.found(hello, self._clean)
        except sanitize.InvalidReplyError as error:
            raise EndedError("crash", f"sent {error}") from None
        self.notes = [*_told_unknown(found.stand_ins), *self._left_out, *found.notes, *_told_known(found.stand_ins)]
        self._modules = found.modules
        self._missing = {
            name: found.missing.get(name, f"there is no class {name} in {self._name}")
            for name in CLASSES
            if name not in found.classes
        }

    def _hear_what_is_in_force(self) -> None:
        """The child says so before anything of the submission runs; until then all faults are ours."""
        assert self._worker is not None  # noqa: S101
        try:
            force = frames.unpacked(self._worker.receiver(_time_limit(_SECONDS_TO_START)), {})
        except (frames.FrameError, EOFError, EndedError) as error:
            self._stop()
            said = sanitize.printable(self._written.decode("utf-8", "replace")[-500:])
            raise SandboxError(f"the confined process did not come up ({type(error).__name__}): {said}") from error
        self._cannot_fork = any("no processes" in each for each in force["done"])
        lacking = list(force["lacking"])
        if not self._worker.measure(force["spent"], cannot_fork=self._cannot_fork):
            lacking.append("a measure of its processor time (the time that it is waited for is limited instead)")
        parts = [*(["bubblewrap"] if self._bubblewrap else []), *force["done"]]
        self.isolation = "a process of its own: " + "; ".join(parts or ["no further means"])
        if lacking:
            self.isolation += f". NOT in force here: {'; '.join(lacking)}"

    def _environment(self) -> dict[str, str]:
        environment = _OUR_NAMES | dict.fromkeys(_THREADS, "1") | dict.fromkeys(("HOME", "TMPDIR"), str(self._work))
        # Processor-specific settings of the machine's owner, without which its numpy may compute wrong results or
        # crash; so it may with one of them alone.
        return environment | {name: os.environ[name] for name in _PROCESSOR if name in os.environ}

    def _clean(self, text: str) -> str:
        return sanitize.printable(self._without_folder(text))

    def _without_folder(self, text: str) -> str:
        """Without the name of a folder that is another one each time."""
        return text.replace(f"{self._work}/", "").replace(str(self._folder), "")

    def _command(self, questions: int, answers: int) -> list[str]:
        folders = [str(self._folder / name) for name in ("bp_worker", "libraries")]
        given = [*map(str, self._real_libraries), *folders]
        settings = {
            "questions": questions,
            "answers": answers,
            "memory": self.limits.memory,
            "cpu_seconds": int(self.limits.seconds) + 5,
            "file_size": _FILE_SIZE,
            "readable": [*libraries.system_files(), *given],
            "listable": [sysconfig.get_path("stdlib")],
            "writable": [str(self._work)],
            "root": str(self._root),
            "wanted": list(CLASSES),
            "optional": list(OPTIONAL),
            "seconds": self.limits.seconds,
            "wall": self.limits.whole,
        }
        python = str(libraries.interpreter())
        command = [python, "-I", "-S", "-B", "-u", "-c", _BOOT, *folders, json.dumps(settings)]
        return [*bubblewrap.command_prefix(given, self._work), *command] if self._bubblewrap else command

    def _exchange(self, question: Sequence[Any], steps: Sequence[Step], meanwhile: Sequence[Work] = ()) -> list[Reply]:
        """Send a question and wait for its answer before anything more is sent: so neither side can block the other."""
        assert self._worker is not None  # noqa: S101 - `run` has started it
        frame, patience = frames.packed(question, frames.MAX_REQUEST_BYTES), Deadline(self._budget, REQUEST)
        with self._awaited(patience) as left:
            self._worker.send(frame, left)
        for work in meanwhile:
            with contextlib.suppress(Exception):  # see `Executor`
                work()
        answer = self._receive(patience)
        try:
            return sanitize.replies(answer, len(steps), self._clean)
        except sanitize.InvalidReplyError as error:
            raise EndedError("crash", f"sent {error}") from None

    def _receive(self, patience: Deadline) -> Any:
        assert self._worker is not None  # noqa: S101
        with self._awaited(patience) as left:
            try:
                return frames.unpacked(self._worker.receiver(left), frames.REPLY)
            except frames.FrameError as error:
                raise EndedError("crash", f"sent no answer that can be read ({self._clean(str(error))})") from error

    @contextlib.contextmanager
    def _awaited(self, patience: Deadline) -> Iterator[SecondsLeft]:
        """Within, the child may take time, and may come to its end."""
        assert self._worker is not None  # noqa: S101
        with patience.waiting() as left:
            try:
                yield left
            except EOFError as error:
                end = self._worker.end_reason(left)
                if end.kind == "timeout":  # the system has ended it, at a limit that it counts itself
                    end.message += f": there are {self.limits.in_words()[0]}"
                raise end from error

    def _stop(self) -> None:
        if self._worker is not None:
            worker, self._worker = self._worker, None
            worker.stop(cannot_fork=self._cannot_fork)


def _time_limit(seconds: float) -> SecondsLeft:
    """For what is no work of the submission's."""
    deadline = time.monotonic() + seconds

    def left() -> float:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise EndedError("timeout", f"took more than {seconds:g} s")
        return remaining

    return left


def _told_unknown(stand_ins: Sequence[str]) -> list[str]:
    """Of modules that may be the submission's own, and were forgotten: what passes here fails at home."""
    return [
        f"{name} is neither handed in nor known: a stand-in that does nothing was taken; importing it fails elsewhere"
        for name in stand_ins
        if name not in _WELL_KNOWN
    ]


def _told_known(stand_ins: Sequence[str]) -> list[str]:
    known = [name for name in stand_ins if name in _WELL_KNOWN]
    return [f"stand-ins that do nothing for {', '.join(known)}"] if known else []


def _asked(steps: Sequence[Step]) -> list[str]:
    """What each step is about: ``Class.method`` of a call, the class alone of all others."""
    classes = {step.name: step.cls for step in steps if isinstance(step, New)}
    return [f"{classes.get(each.name)}{f'.{each.method}' if isinstance(each, Call) else ''}" for each in steps]


def _no_reply(end: EndedError) -> Reply:
    return Reply(error=end.message, error_kind=end.kind)
