"""Tries mutants: pytest collects the tests once, and each mutant gets a fork of that process.

mutmut's own runner starts pytest anew for each mutant, 0.35 s before the first test, and runs the tests in no order;
with 20,000 mutants and two cores that is the whole day. Here a mutant that is killed costs 0.1 s.
"""

from __future__ import annotations

import resource
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation import switches
from tests.mutation.forks import Ended, in_a_fork, shared
from tests.mutation.mutants import Mutant
from tests.mutation.outcomes import KILLED, SURVIVED, TIMEOUT, UNTESTED

#: Bytes of address space that a mutant may have.
_MEMORY = 8 << 30


@dataclass
class Trace:
    """One test without any mutant: how long it took, and which functions with mutants it called."""

    index: int
    seconds: float
    functions: frozenset[str]
    passed: bool


@dataclass
class Trial:
    """Runs inside pytest, in the place of its loop over the tests.

    Attributes
    ----------
    mutants
        Which are tried.
    processes
        At once.
    budget
        Seconds of tests that each has to survive.
    tell
        Is given a line now and then.
    codes
        What became of each.
    broken
        Tests that fail without any mutant; then none was tried.
    """

    mutants: Sequence[Mutant]
    processes: int
    budget: Mapping[Mutant, float]
    tell: Callable[[str], None]
    codes: dict[Mutant, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed or not session.items:
            raise pytest.UsageError("the tests could not be collected from the copy in mutants/")
        started = time.monotonic()
        traces = self._traces(session.items)
        self.broken = [session.items[trace.index].nodeid for trace in traces if not trace.passed]
        if not self.broken:
            self.tell(f"{len(traces)} tests pass without a mutant, which took {time.monotonic() - started:.0f} s")
            self._try(session.items, traces)
        return True

    def _traces(self, items: list[pytest.Item]) -> list[Trace]:
        files: dict[str, list[int]] = defaultdict(list)
        for index, item in enumerate(items):
            files[item.nodeid.partition("::")[0]].append(index)

        def work(indices: list[int]) -> Iterator[Trace]:
            switches.trace()
            for index, following in zip_longest(indices, indices[1:]):
                switches.called.clear()
                started = time.perf_counter()
                passed = _passes(items[index], None if following is None else items[following])
                yield Trace(index, time.perf_counter() - started, frozenset(switches.called), passed)

        # The files with the most tests first, so that the processes end together.
        jobs = sorted(files.values(), key=len, reverse=True)
        return sorted(shared(jobs, work, self.processes), key=lambda trace: trace.index)

    def _try(self, items: list[pytest.Item], traces: list[Trace]) -> None:
        tests = _by_function(traces)
        mutants: dict[str, list[Mutant]] = defaultdict(list)
        for mutant in self.mutants:
            mutants[mutant.function].append(mutant)

        def work(function: str) -> Iterator[tuple[Mutant, int]]:
            order = [items[trace.index] for trace in tests[function]]
            for mutant in mutants[function]:
                code, killer = _attempt(mutant, order, self.budget[mutant])
                if killer >= 0:  # what killed one mutant of a function is likely to kill the next
                    order.insert(0, order.pop(killer))
                yield mutant, code

        # The slow ones first: a process that ends late must not have begun late.
        cost = {name: len(job) * sum(trace.seconds for trace in tests[name]) for name, job in mutants.items()}
        jobs = sorted(mutants, key=cost.__getitem__, reverse=True)
        for done, (mutant, code) in enumerate(shared(jobs, work, self.processes), 1):
            self.codes[mutant] = code
            if done % 500 == 0 or done == len(self.mutants):
                self.tell(f"{done} of {len(self.mutants)} mutants tried")


def _by_function(traces: list[Trace]) -> dict[str, list[Trace]]:
    """The tests that call it, those first that are quick and call little else."""
    tests: dict[str, list[Trace]] = defaultdict(list)
    for trace in sorted(traces, key=lambda trace: trace.seconds * len(trace.functions)):
        for function in trace.functions:
            tests[function].append(trace)
    return tests


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    try:
        return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))
    except BaseException:  # whatever pytest itself stumbles over was done by the mutant
        return False


def _attempt(mutant: Mutant, items: list[pytest.Item], budget: float) -> tuple[int, int]:
    """mutmut's code, and which of the tests killed it (-1: none)."""
    if not items:
        return UNTESTED, -1
    try:
        killer = in_a_fork(partial(_killer, mutant, items, budget), 4 * budget + 20)
    except Ended as end:
        # By the clock, or by a crash, which no test would have let pass.
        return (TIMEOUT if end.signal in {signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL} else KILLED), -1
    return (KILLED if killer >= 0 else SURVIVED), killer


def _killer(mutant: Mutant, items: list[pytest.Item], budget: float) -> int:
    """Be this mutant, and run tests until one fails or the time is used up."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    switches.become(mutant.name)
    started = time.process_time()  # other mutants are at work beside this one
    for number, (item, following) in enumerate(zip_longest(items, items[1:])):
        if not _passes(item, following):
            return number
        if time.process_time() - started > budget:
            break
    return -1
