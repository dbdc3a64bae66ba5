"""A session in a process of its own: foreign code answers there, and is given nothing else to do.

The parent keeps the questions' answers, compares and decides. The child has a copy of the submission, numpy, and the
modules of `reference.stage`; it answers with arrays, which are checked before they are believed. However it ends, by
itself, at a limit, or by force, that is an answer too, and nothing of it stays behind.
"""

from __future__ import annotations

import importlib.util
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from reference.implementation import CLASSES, OPTIONAL
from reference.stage import frames
from reference.stage.protocol import Reply, Step

Kind = Literal["auto", "process", "bwrap"]

#: Loads the stage as a package of its own: the rest of ours is not to be had there.
_BOOT = """
import importlib.util, sys
folder, libraries, settings = sys.argv[1:]
sys.path.append(libraries)
spec = importlib.util.spec_from_file_location("stage", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["stage"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from stage.serve import main
main(settings)
"""
#: What a submission may import besides the standard library, where it is installed.
_LIBRARIES = ("numpy", "scipy")
_SHARED_OBJECTS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
_FILE_SIZE = 2**24
_MOST_FILES, _MOST_COPIED = 2000, 2**26
_MOST_OUTPUT = 2**16
_MOST_STARTS = 12
#: One question's share of all the time there is.
_SHARE = 6
_IGNORED = shutil.ignore_patterns(".git", "__pycache__", ".venv", "venv", ".tox", "node_modules", "*.pyc")


class SandboxError(Exception):
    """The sandbox cannot do its work here; no fault of the submission's."""


@dataclass(frozen=True)
class Limits:
    """What a submission may take.

    Attributes
    ----------
    seconds
        Of running time, all its answers together.
    memory
        Bytes of address space.
    """

    seconds: float = 60.0
    memory: int = 2**31


@dataclass
class _EndedError(Exception):
    """The child gives no more answers."""

    kind: str
    said: str


@dataclass
class Sandbox:
    """A `Session` over the submission at a path. To be used as a context, which removes all traces.

    Parameters
    ----------
    path
        A file or a folder.
    limits
        Of the child.
    kind
        "process": limits and, on Linux, a filter of system calls and of files. "bwrap": these and bubblewrap, which
        gives the child a file system, processes and a network of its own. "auto": the better one that works.

    Attributes
    ----------
    isolation
        What was in force, in words; to be told with every verdict.
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
        self._folder = Path(tempfile.mkdtemp(prefix="bp-check-"))
        try:
            self._prepare()
            self._missing: dict[str, str] | None = None
            self._child: _Child | None = None
            self._spent, self._starts = 0.0, 0
            self._written = bytearray()
            self._bubblewrap = self._chosen() == "bwrap"
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self.output = self._written.decode("utf-8", "replace")
        shutil.rmtree(self._folder, ignore_errors=True)

    def missing(self) -> Mapping[str, str]:
        """See `Session`."""
        if self._missing is None:
            try:
                self._start()
            except _EndedError as end:
                self._stop()
                self._missing = dict.fromkeys(CLASSES, f"the import of {self.path.name} {end.said}")
                self._end = end
        return self._missing or {}

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        """See `Session`."""
        try:
            if self._child is None:
                self._start()
            return self._exchange(list(steps))
        except _EndedError as end:
            self._stop()
            return [Reply(error=end.said, error_kind=end.kind)] * len(steps)

    # Preparation

    def _prepare(self) -> None:
        """The child's folders: what it runs, and what it may write in; a copy each."""
        for name in ("stage", "libraries", "work"):
            (self._folder / name).mkdir()
        shutil.copytree(Path(frames.__file__).parent, self._folder / "stage", dirs_exist_ok=True, ignore=_IGNORED)
        self._real_libraries = []
        for path in _library_folders():
            (self._folder / "libraries" / path.name).symlink_to(path)
            self._real_libraries.append(path)
        source = self.path.resolve()
        beside = source if source.is_dir() else source.parent
        # Under its own name: people import their package by it.
        target = self._folder / "work" / (source.name if source.is_dir() else "submission")
        if source.is_dir():
            _copy(beside, target)
            self._root = target
        else:
            target.mkdir()
            for each in sorted(beside.glob("*.py"))[:_MOST_FILES]:  # what it imports may lie beside it
                if each.is_file() and not each.is_symlink() and each.stat().st_size <= _FILE_SIZE:
                    shutil.copy(each, target)
            self._root = target / source.name
            if not self._root.exists():
                shutil.copy(source, self._root)

    def _chosen(self) -> Kind:
        if self.kind == "process":
            return "process"
        works = _bubblewrap_works()
        if self.kind == "bwrap" and not works:
            raise SandboxError("bubblewrap (the command bwrap) is not there or may not make namespaces here")
        return "bwrap" if works else "process"

    # The child

    def _start(self) -> None:
        if self._starts >= _MOST_STARTS:
            raise _EndedError("timeout", f"was not asked any more: its process ended {self._starts} times")
        self._starts += 1
        remaining = self.limits.seconds - self._spent
        if remaining <= 0:
            raise _EndedError("timeout", f"took more than the {self.limits.seconds:g} s that all its answers may take")
        self._child = _Child(self._command, self._folder / "work", self._written)
        # An import may take half of the time; the process itself is ended a little later than the import.
        hello = self._receive(remaining, importing=True)
        if not isinstance(hello, dict):
            raise _EndedError("crash", "sent something else than what was asked for")
        self._missing = {str(name): str(why) for name, why in dict(hello.get("missing", {})).items() if name in CLASSES}
        present = {name for name in hello.get("classes", []) if isinstance(name, str)}
        for name in CLASSES:
            if name not in present:
                self._missing.setdefault(name, f"there is no class {name} in {self.path.name}")
        self._tell(hello)

    def _tell(self, hello: dict[str, Any]) -> None:
        outer = ["bubblewrap"] if self._bubblewrap else []
        in_force = [str(each) for each in hello.get("in_force", [])]
        self.isolation = "a process of its own: " + "; ".join(outer + in_force or ["no further means on this system"])
        notes = [str(note) for note in hello.get("notes", [])][:20]
        stand_ins = [str(name) for name in hello.get("stand_ins", [])][:20]
        if stand_ins:
            notes.append(f"stand-ins that do nothing for {', '.join(stand_ins)}")
        self.notes = notes

    def _command(self, questions: int, answers: int) -> list[str]:
        readable = [*_system_files(), *map(str, self._real_libraries)]
        readable += [str(self._folder / name) for name in ("stage", "libraries")]
        settings = {
            "questions": questions,
            "answers": answers,
            "memory": self.limits.memory,
            "cpu_seconds": int(self.limits.seconds) + 5,
            "file_size": _FILE_SIZE,
            "readable": readable,
            "listable": [sysconfig.get_path("stdlib")],
            "writable": [str(self._folder / "work")],
            "root": str(self._root),
            "wanted": list(CLASSES),
            "optional": list(OPTIONAL),
            "seconds": self.limits.seconds / _SHARE,
        }
        python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        folders = [str(self._folder / name) for name in ("stage", "libraries")]
        command = [python, "-I", "-S", "-B", "-c", _BOOT, *folders, json.dumps(settings)]
        return [*self._wrapping(readable), *command] if self._bubblewrap else command

    def _wrapping(self, readable: Sequence[str]) -> list[str]:
        wrap = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        wrap += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - the child's own
        for path in [*_program_folders(), *readable]:
            wrap += ["--ro-bind-try", path, path]
        work = str(self._folder / "work")
        return [*wrap, "--bind", work, work, "--chdir", work]

    def _exchange(self, steps: list[Step]) -> list[Reply]:
        assert self._child is not None  # noqa: S101 - `run` has started it
        remaining = self.limits.seconds - self._spent
        if remaining <= 0:
            raise _EndedError("timeout", f"took more than the {self.limits.seconds:g} s that all its answers may take")
        self._child.send(frames.packed(steps))
        replies = self._receive(min(remaining, self.limits.seconds / _SHARE))
        if not isinstance(replies, list) or len(replies) != len(steps) or not all(_is_reply(each) for each in replies):
            raise _EndedError("crash", "sent something else than the answers that were asked for")
        return replies

    def _receive(self, seconds: float, *, importing: bool = False) -> Any:
        assert self._child is not None  # noqa: S101
        start = time.monotonic()
        try:
            return frames.unpacked(self._child.receiver(start + seconds))
        except frames.FrameError as error:
            raise _EndedError("crash", f"sent no answer that can be read ({error})") from error
        except TimeoutError as error:
            what = "did not end" if importing else "did not answer"
            raise _EndedError("timeout", f"{what} within {seconds:.3g} s") from error
        except EOFError as error:
            raise self._child.ended() from error
        finally:
            self._spent += time.monotonic() - start

    def _stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None


class _Child:
    """The process, its two pipes for frames, and its standard streams, which are kept and never believed."""

    def __init__(self, command: Any, folder: Path, written: bytearray) -> None:
        their_questions, our_questions = os.pipe()
        our_answers, their_answers = os.pipe()
        environment = {
            "PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", "MPLBACKEND": "Agg",
            "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0",
        }  # fmt: skip
        # Processor-specific settings of the machine's owner, without which its numpy may compute wrong results.
        environment |= {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_CORETYPE")}
        try:
            self.process = subprocess.Popen(  # noqa: S603 - to run what is foreign, confined, is the purpose
                command(their_questions, their_answers),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(their_questions, their_answers),
                start_new_session=True,
            )
        except OSError as error:
            os.close(our_questions)
            os.close(our_answers)
            raise SandboxError(f"the child process cannot be started: {error}") from error
        finally:
            os.close(their_questions)
            os.close(their_answers)
        self._questions, self._answers, self._written = our_questions, our_answers, written
        os.set_blocking(self._answers, False)
        os.set_blocking(self._questions, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._answers, selectors.EVENT_READ)
        self._streams = []
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None  # noqa: S101 - both are pipes
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream.fileno(), selectors.EVENT_READ)
            self._streams.append(stream)

    def send(self, frame: bytes) -> None:
        """Write a frame; one that the child does not take within seconds is lost with it."""
        rest, deadline = memoryview(frame), time.monotonic() + 10
        while rest:
            try:
                rest = rest[os.write(self._questions, rest) :]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise _EndedError("timeout", "did not take the question") from None
                self._drain()
                time.sleep(0.001)
            except BrokenPipeError:
                raise self.ended() from None

    def receiver(self, deadline: float) -> Any:
        """``receive(n)`` for `frames.unpacked`: raises TimeoutError, or EOFError where the child has closed."""

        def receive(n: int) -> bytes:
            data = bytearray()
            while len(data) < n:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise TimeoutError
                ready = {key.fd for key, _ in self._selector.select(remaining)}
                for descriptor in ready - {self._answers}:
                    self._keep(descriptor)
                if self._answers in ready:
                    part = os.read(self._answers, min(n - len(data), 2**20))
                    if not part:
                        raise EOFError
                    data += part
            return bytes(data)

        return receive

    def _keep(self, descriptor: int) -> None:
        try:
            part = os.read(descriptor, 2**16)
        except BlockingIOError:
            return
        if not part:
            self._selector.unregister(descriptor)
        self._written += part[: _MOST_OUTPUT - len(self._written)]

    def _drain(self) -> None:
        for key, _ in self._selector.select(0):
            if key.fd != self._answers:
                self._keep(key.fd)

    def ended(self) -> _EndedError:
        """How the process came to its end."""
        try:
            code = self.process.wait(2)
        except subprocess.TimeoutExpired:
            return _EndedError("crash", "closed the connection")
        if code == -signal.SIGXCPU:
            return _EndedError("timeout", "used up its processor time")
        if code < 0:
            return _EndedError("crash", f"was ended by {signal.Signals(-code).name}")
        return _EndedError("exits", f"ended the process (exit code {code})")

    def stop(self) -> None:
        """End the process and all of its group, and close everything."""
        for _ in range(2):  # the second time for what was being started during the first
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                break
        self.process.wait()
        self._drain()
        self._selector.close()
        for stream in self._streams:
            stream.close()
        os.close(self._questions)
        os.close(self._answers)


def _is_reply(value: Any) -> bool:
    """The record's parts are of their types; its value was checked when it was read."""
    return (
        isinstance(value, Reply)
        and isinstance(value.kind, str)
        and isinstance(value.error, str | None)
        and isinstance(value.error_kind, str | None)
        and all(isinstance(names, tuple | list) for names in (value.changed, value.aliases))
        and isinstance(value.altered, bool)
    )


def _copy(source: Path, target: Path) -> None:
    """A copy without links, and not of everything: a submission is a handful of small files."""
    count, total = 0, 0
    for folder, names, files in os.walk(source):
        ignored = _IGNORED(folder, [*names, *files])
        names[:] = sorted(name for name in names if name not in ignored and not (Path(folder) / name).is_symlink())
        here = target / Path(folder).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in sorted(files):
            path = Path(folder) / name
            if name in ignored or path.is_symlink() or not path.is_file():
                continue
            size = path.stat().st_size
            count, total = count + 1, total + size
            if count > _MOST_FILES or total > _MOST_COPIED:
                raise SandboxError(
                    f"{source} holds more than {_MOST_FILES} files or {_MOST_COPIED >> 20} MiB: "
                    "expected the folder of one submission"
                )
            shutil.copy(path, here)


def _library_folders() -> list[Path]:
    """numpy's and scipy's own folders, and those of the libraries that they bring."""
    folders = []
    for name in _LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            package = Path(spec.origin).resolve().parent
            folders += [each for each in (package, package.with_name(f"{name}.libs")) if each.is_dir()]
    return folders


def _system_files() -> list[str]:
    """What Python itself needs: its library without installed packages, the system's shared objects, and devices."""
    stdlib = Path(sysconfig.get_path("stdlib")).resolve()
    packages = {"site-packages", "dist-packages"}
    files = [str(each) for each in stdlib.iterdir() if each.name not in packages]
    files += [str(each) for each in Path(sys.base_prefix, "lib").glob("libpython*")]
    return [*files, *_SHARED_OBJECTS, *_DEVICES]


def _program_folders() -> list[str]:
    """Where the interpreter and the dynamic loader are."""
    python = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    return ["/bin", "/usr/bin", str(python.parent)]


def _bubblewrap_works() -> bool:
    if shutil.which("bwrap") is None:
        return False
    probe = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "true"]
    try:
        return subprocess.run(probe, capture_output=True, timeout=10, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
