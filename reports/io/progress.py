"""What the user sees while a command works. It goes to standard error, so that results can be piped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

import bp
from reference import Finding


class Task(Protocol):
    """One training run on the display."""

    def epoch(self, history: bp.History) -> None:
        """Show the last epoch of the history."""


class _Bar:
    """A training run on a terminal: a progress bar."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def epoch(self, history: bp.History) -> None:
        self._progress.update(self._task, completed=history.epochs, now=_last_epoch(history))


class _Lines:
    """A training run in a log: a line after each tenth of its epochs."""

    def __init__(self, console: Console, title: str, n_epochs: int) -> None:
        self._console, self._title, self._n_epochs = console, title, n_epochs

    def epoch(self, history: bp.History) -> None:
        if history.epochs % max(self._n_epochs // 10, 1) == 0 or history.epochs == self._n_epochs:
            self._console.print(f"{self._title}: epoch {history.epochs}/{self._n_epochs}, {_last_epoch(history)}")


class Display:
    """The progress of all runs of one command, one below the other."""

    def __init__(self, console: Console) -> None:
        self.console = console
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[now]}"),
            TimeRemainingColumn(compact=True),
        )
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def task(self, title: str, n_epochs: int) -> Task:
        """Add a training run of ``n_epochs`` epochs."""
        if not self.console.is_terminal:
            return _Lines(self.console, title, n_epochs)
        return _Bar(self._progress, self._progress.add_task(title, total=n_epochs, now=""))

    def steps(self, title: str, total: int) -> Callable[[], None]:
        """Add a piece of work in ``total`` steps, and return the function to call after each step."""
        if not self.console.is_terminal:
            self.console.print(f"{title}: {total}")
            return lambda: None
        task = self._progress.add_task(title, total=total, now="")
        return lambda: self._progress.advance(task)


class Downloads:
    """A progress bar for each file; can be called as `reports.training.sources.Progress`."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` bytes of the file ``name`` have arrived."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
            if self._progress.disable:
                self._progress.console.print(f"receiving {name}")
        self._progress.update(self._tasks[name], completed=done, total=total)


@contextmanager
def downloads(console: Console) -> Iterator[Downloads]:
    """Yield a display of downloads."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Downloads(progress)


@contextmanager
def checking(console: Console, title: str) -> Iterator[Callable[[Finding, int], None] | None]:
    """Yield the callback that advances a progress bar while one submission is judged.

    In a log there is no bar, because judging takes only seconds: None is yielded.
    """
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[now]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None, now="")
        yield lambda finding, total: progress.update(task, advance=1, total=total, now=finding.check)


@contextmanager
def judging_course(console: Console, total: int) -> Iterator[tuple[Callable[[str], None], Callable[[str, str], None]]]:
    """Yield two functions to call: with a name before, and with a name and a verdict in words after each submission.

    The second prints a line for each submission. On a terminal there is a bar, with those who are being judged.
    """
    columns = (
        BarColumn(bar_width=24),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[now]}", markup=False),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=total, now="")
        present: dict[str, None] = {}
        done = iter(range(1, total + 1))

        def start(name: str) -> None:
            present[name] = None
            progress.update(task, now=", ".join(present))

        def show(name: str, verdict: str) -> None:
            present.pop(name, None)
            progress.update(task, advance=1, now=", ".join(present))
            console.print(f"{next(done)}/{total} {name}: {verdict}", markup=False)

        yield start, show


def _last_epoch(history: bp.History) -> str:
    """Loss and accuracy after the last epoch."""
    loss, accuracy = history.loss_train[-1], history.acc_train[-1]
    text = f"loss {loss:.4f}, accuracy {accuracy:.1%}"
    return f"{text} (test {history.acc_test[-1]:.1%})" if history.acc_test else text
