"""The executor for foreign code: it runs in a worker process that has given up nearly all its rights.

The examiner in this process knows the expected values, compares and decides. The worker has a copy of the submission,
numpy, and the modules of `reference.execution.worker`. It replies with arrays, which are checked before they are used.
If the worker ends, by itself or at a limit, that becomes the reply. When the sandbox is left, all processes and files
that belong to it are removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from reference.execution import bubblewrap, libraries, sanitize, submission_files, worker_files
from reference.execution.absent_modules import notes_on_known, notes_on_unknown
from reference.execution.implementation import CLASSES, OPTIONAL
from reference.execution.labels import labels_of
from reference.execution.limits import IMPORT, REQUEST, Budget, Deadline, Limits, time_limit
from reference.execution.system import SandboxError, require_confinement
from reference.execution.worker import frames
from reference.execution.worker.protocol import Reply, Step, Work
from reference.execution.worker_process import (
    EndedError,
    SecondsLeft,
    StartError,
    WorkerProcess,
    is_overfull,
    most_in_folder,
)

__all__ = ["Kind", "Limits", "Sandbox", "SandboxError"]

Kind = Literal["auto", "process", "bwrap"]

#: Loads the worker as a package by itself: the rest of `reference` cannot be imported there.
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
_MAX_FILE_BYTES = 2**24
#: Requests that are sent in one frame, because a round trip takes as long as computing a small reply.
_REQUESTS_PER_FRAME = 24
#: Seconds for the worker's own preparations; one that takes longer, even on a busy machine, will never be ready.
_SECONDS_TO_START = 300.0
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"}
_PROCESSOR_SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_THREAD_SETTINGS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass
class Sandbox:
    """The `Executor` for the submission at a path; a context manager, which removes all its files at the end.

    Parameters
    ----------
    path, limits
        The submission, a file or a folder, and its limits of time and memory.
    kind
        "process": resource limits and, on Linux, a filter of system calls and restricted access to files. "bwrap":
        these and bubblewrap, which gives the worker a file system, processes and a network of its own. "auto": "bwrap"
        where it works, else "process".
    wanted
        Names of classes.

    Attributes
    ----------
    isolation
        A description of the confinement that was in force and of what was not; part of every verdict.
    notes
        Sentences that a person should read: stand-ins, files that ended with an exception, files left out.
    output
        What the submission wrote on its output streams, the first 64 KiB; set when the sandbox is left.
    stand_ins
        As in `Executor`.

    Raises
    ------
    SandboxError
        On entering or at the first start: this machine cannot run the worker, or not with the ``kind`` asked for.
    """

    path: Path
    limits: Limits = field(default_factory=Limits)
    kind: Kind = "auto"
    wanted: Sequence[str] = CLASSES
    isolation: str = ""
    notes: list[str] = field(default_factory=list)
    output: str = ""
    stand_ins: dict[str, None] = field(default_factory=dict)

    def __enter__(self) -> Sandbox:
        require_confinement()
        # Without symbolic links: the worker's rules of access and the search for its processes compare real paths.
        self._folder = Path(tempfile.mkdtemp(prefix="bp-check-")).resolve()
        try:
            self._prepare()
            self._missing: dict[str, str] | None = None
            self._causes: dict[str, str] = {}
            self._modules: dict[str, str] = {}
            self._worker: WorkerProcess | None = None
            self._cannot_fork, self._budget = False, Budget(self.limits)
            self._endings: dict[str, EndedError] = {}
            self._refused: set[str] = set()
            self._clean = sanitize.remembering(lambda text: sanitize.printable(self._without_folder(text)))
            self._starts = 0
            self._written = bytearray()
            self._bubblewrap = self._chosen_kind() == "bwrap"
        except BaseException:
            submission_files.remove(self._folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self.output = sanitize.lines(self._without_folder(self._written.decode("utf-8", "replace")))
        submission_files.remove(self._folder)

    def missing(self) -> Mapping[str, str]:
        """Names of the contract's classes that the submission lacks, each with the reason; starts the worker."""
        if self._missing is None:
            try:
                self._start()
            except EndedError as end:
                self._stop()
                self._missing = dict.fromkeys(self.wanted, f"the import of {self._name} {end.message}")
                self._causes = dict.fromkeys(self.wanted, "not run")
        return self._missing or {}

    def causes(self) -> Mapping[str, str]:
        """Of the missing names: one of `LOAD_CAUSES`, where it is known."""
        return self._causes

    def modules(self) -> Mapping[str, str]:
        """Names of classes and of the modules that define them; empty until the worker has started."""
        return self._modules

    def spent(self) -> float:
        """Seconds of processor time that the worker's processes have used so far, all of them together."""
        return self._budget.spent()

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        """Have the worker perform the steps in order and return one reply for each, as `Executor.run` promises.

        If the process ends, every reply is the error that says how.
        """
        # Steps that are known to end the process are left out; if the last one is among them, nothing is sent at all.
        labels = labels_of(steps) if self._refused else []
        left_out = {place: self._endings[each] for place, each in enumerate(labels) if each in self._refused}
        if len(steps) - 1 in left_out:
            return [left_out[len(steps) - 1].reply] * len(steps)
        try:
            if self._worker is None:
                self._start()
            chosen = [step for place, step in enumerate(steps) if place not in left_out]
            replies = iter(self._exchange(chosen, chosen))
        except EndedError as end:
            self._remember(labels_of(steps)[-1], end)
            self._stop()
            return [end.reply] * len(steps)
        return [left_out[place].reply if place in left_out else next(replies) for place in range(len(steps))]

    def run_all(self, requests: Iterable[Sequence[Step]], meanwhile: Iterable[Work] = ()) -> Iterator[list[Reply]]:
        """The replies to each list of steps, as `Executor.run_all` promises; several lists are sent in one frame."""
        waiting, work = iter(requests), iter(meanwhile)
        while group := list(islice(waiting, _REQUESTS_PER_FRAME)):
            yield from self._run_group(group, list(islice(work, len(group))))

    def _run_group(self, group: list[Sequence[Step]], meanwhile: Sequence[Work]) -> Iterable[list[Reply]]:
        """The replies to a group of requests, which are sent in one frame while no process has ended."""
        if self._worker is None or self._endings:
            return map(self.run, group)
        flat = [step for steps in group for step in steps]
        try:
            replies = iter(self._exchange([list(steps) for steps in group], flat, meanwhile))
        except EndedError as end:
            self._stop()
            return self._after_ending(group, end)
        return [list(islice(replies, len(steps))) for steps in group]

    def _after_ending(self, group: list[Sequence[Step]], end: EndedError) -> Iterator[list[Reply]]:
        """The replies to the requests of a group that ended the process, one by one, to find out which ended it.

        If none does, each of them gets the error: answers count only if they come whenever they are asked for.
        """
        replies = []
        for number, steps in enumerate(group, start=1):
            replies.append(self.run(steps))
            if self._endings:
                yield from replies
                yield from map(self.run, group[number:])
                return
        alone = f"although it answers each of them alone ({self._restarts()})"
        said = f"{end.message} when it got several calls together, {alone}"
        yield from ([EndedError(end.kind, said).reply] * len(steps) for steps in group)

    def _remember(self, label: str, end: EndedError) -> None:
        """Note how a method ended the process; after the second time, or if ``end`` says so, it is not called again."""
        if self._worker is None:
            return  # the process could not be started, so the method was not called
        often = f" again and again ({self._restarts()})" if label in self._endings else ""
        if often or not end.retry:
            self._refused.add(label)
        self._endings[label] = EndedError(end.kind, f"was not called any more, since {label} {end.message}{often}")

    # Preparation

    def _prepare(self) -> None:
        """Make the worker's folders: its code, the libraries, and one to write in with a copy of the submission."""
        for name in ("bp_worker", "bp_worker/__pycache__", "libraries", "work"):
            (self._folder / name).mkdir()
        for name, content in worker_files.contents().items():
            (self._folder / "bp_worker" / name).write_bytes(content)
        self._package_folders = libraries.package_folders()
        for path in self._package_folders:
            (self._folder / "libraries" / path.name).symlink_to(path)
        self._work = self._folder / "work"
        self._name = sanitize.printable(self.path.name)
        self._root, self._left_out = submission_files.copy(self.path, self._work)
        self.notes = self._left_out

    def _renew_folder(self) -> None:
        """Give the next process a new copy of the submission if the one before has left too many files."""
        if is_overfull(self._work):
            submission_files.remove(self._work)
            self._work.mkdir()
            submission_files.copy(self.path, self._work)

    def _chosen_kind(self) -> Kind:
        if self.kind == "process":
            return "process"
        works = bubblewrap.works()
        if self.kind == "bwrap" and not works:
            raise SandboxError(
                "bubblewrap cannot be used here: the command bwrap is not installed, or the system does not let it "
                "make namespaces; use --sandbox auto"
            )
        return "bwrap" if works else "process"

    # The worker process

    def _start(self) -> None:
        self._budget.left()
        self._renew_folder()
        try:
            self._worker = WorkerProcess(self._command, self._work, self._environment(), self._written)
        except StartError as error:
            raise SandboxError(f"the worker process cannot be started: {error}") from error
        self._starts += 1
        self._budget.count(self._worker.spent)
        self._receive_confinement()
        report = self._receive(Deadline(self._budget, IMPORT))
        try:
            found = sanitize.found(report, self._clean)
        except sanitize.InvalidReplyError as error:
            raise EndedError("crash", f"sent {error}") from None
        self.notes = [
            *notes_on_unknown(found.stand_ins),
            *self._left_out,
            *found.notes,
            *notes_on_known(found.stand_ins),
        ]
        self._modules, self._causes = found.modules, found.causes
        self._missing = {
            name: found.missing.get(name, f"there is no class {name} in {self._name}")
            for name in self.wanted
            if name not in found.classes
        }

    def _restarts(self) -> str:
        return f"its process was started {self._starts} times"

    def _receive_confinement(self) -> None:
        """Receive the worker's report of its confinement.

        It is sent before any code of the submission runs, so whatever goes wrong until then is no fault of the
        submission's.
        """
        assert self._worker is not None  # noqa: S101
        try:
            force = frames.unpacked(self._worker.receiver(time_limit(_SECONDS_TO_START)), {})
        except (frames.FrameError, EOFError, EndedError) as error:
            self._stop()
            last_output = sanitize.printable(self._written.decode("utf-8", "replace")[-500:])
            raise SandboxError(
                f"the worker process did not become ready ({type(error).__name__}): {last_output}"
            ) from error
        self._cannot_fork = bool(force["cannot_fork"])
        lacking = list(force["lacking"])
        if not self._worker.measure(force["spent"], cannot_fork=self._cannot_fork):
            lacking.append("a measure of its processor time (the time that it is waited for is limited instead)")
        parts = [*(["bubblewrap"] if self._bubblewrap else []), *force["in_force"]]
        self.isolation = "a process of its own: " + "; ".join(parts or ["no further means"])
        if lacking:
            self.isolation += f". NOT in force here: {'; '.join(lacking)}"

    def _environment(self) -> dict[str, str]:
        environment = (
            _ENVIRONMENT | dict.fromkeys(_THREAD_SETTINGS, "1") | dict.fromkeys(("HOME", "TMPDIR"), str(self._work))
        )
        # Settings for the processor that the owner of the machine has made: without one of them numpy may crash or
        # compute wrong results.
        return environment | {name: os.environ[name] for name in _PROCESSOR_SETTINGS if name in os.environ}

    def _without_folder(self, text: str) -> str:
        """Remove the path of the temporary folder, which differs from run to run."""
        return text.replace(f"{self._work}/", "").replace(str(self._folder), "")

    def _command(self, requests: int, replies: int) -> list[str]:
        folders = [str(self._folder / name) for name in ("bp_worker", "libraries")]
        readable = [*map(str, self._package_folders), *folders]
        settings = {
            **dict(zip(("most_files", "most_bytes"), most_in_folder(), strict=True)),
            "requests": requests,
            "replies": replies,
            "memory": self.limits.memory,
            "cpu_seconds": int(self.limits.seconds) + 5,
            "file_size": _MAX_FILE_BYTES,
            "readable": [*libraries.system_files(), *readable],
            "listable": [sysconfig.get_path("stdlib")],
            "writable": [str(self._work)],
            "root": str(self._root),
            "wanted": list(self.wanted),
            "optional": list(OPTIONAL),
            "seconds": self.limits.seconds,
            "wall": self.limits.whole,
        }
        python = str(libraries.interpreter())
        command = [python, "-I", "-S", "-B", "-u", "-c", _BOOT, *folders, json.dumps(settings)]
        return [*bubblewrap.command_prefix(readable, self._work), *command] if self._bubblewrap else command

    def _exchange(self, request: Sequence[Any], steps: Sequence[Step], meanwhile: Sequence[Work] = ()) -> list[Reply]:
        """Send a request and wait for the reply; nothing is sent meanwhile, so that neither side blocks the other."""
        assert self._worker is not None  # noqa: S101 - `run` has started it
        frame, deadline = frames.packed(request, frames.MAX_REQUEST_BYTES), Deadline(self._budget, REQUEST)
        with self._waiting_for_worker(deadline) as left:
            self._worker.send(frame, left)
        for work in meanwhile:
            with contextlib.suppress(Exception):  # as `Executor.run_all` promises
                work()
        received = self._receive(deadline)
        try:
            replies = sanitize.replies(received, len(steps), self._clean)
        except sanitize.InvalidReplyError as error:
            raise EndedError("crash", f"sent {error}") from None
        self.stand_ins |= dict.fromkeys(name for reply in replies for name in reply.stand_ins)
        return replies

    def _receive(self, deadline: Deadline) -> Any:
        assert self._worker is not None  # noqa: S101
        with self._waiting_for_worker(deadline) as left:
            try:
                return frames.unpacked(self._worker.receiver(left), frames.REPLY)
            except frames.FrameError as error:
                raise EndedError("crash", f"sent no reply that can be read ({self._clean(str(error))})") from error

    @contextlib.contextmanager
    def _waiting_for_worker(self, deadline: Deadline) -> Iterator[SecondsLeft]:
        """Count the time of the block, and turn a closed pipe into the EndedError that says how the process ended."""
        assert self._worker is not None  # noqa: S101
        with deadline.waiting() as left:
            try:
                yield left
            except EOFError as error:
                end = self._worker.end_reason(left)
                if end.kind == "timeout":  # the operating system has ended it at its own limit
                    end.message += f": there are {self.limits.in_words()[0]}"
                raise end from error

    def _stop(self) -> None:
        if self._worker is not None:
            worker, self._worker = self._worker, None
            worker.stop(cannot_fork=self._cannot_fork)
