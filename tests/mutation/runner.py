"""Tries mutants: pytest collects the tests once, and each mutant gets a fork of that process.

mutmut's own runner starts pytest anew for each mutant, 0.35 s before the first test, and runs the tests in no order;
with 20,000 mutants and two cores that is the whole day. Here a mutant that is killed costs 0.1 s.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import NamedTuple

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation import lines, switches
from tests.mutation.forks import Ended, in_a_fork, shared
from tests.mutation.mutants import Mutant
from tests.mutation.outcomes import KILLED, SURVIVED, TIMEOUT, UNTESTED, Outcome

#: Bytes of address space that a mutant may have.
_MEMORY = 8 << 30
#: Seconds by the clock for each of the budget: other processes are at work beside this one.
_PATIENCE = 6
#: Seconds of processor time that one test may take beyond the budget, before it is taken for endless.
_ENDLESS = 20


class Budget(NamedTuple):
    """Seconds of processor time for which a mutant may survive tests.

    Attributes
    ----------
    particular
        With the quick and particular ones first.
    further
        After that, with the others: one from each file in turn.
    """

    particular: float
    further: float = 0.0


@dataclass
class Trace:
    """One test without any mutant: how long it took, which statements with mutants it ran, and which functions."""

    index: int
    seconds: float
    statements: frozenset[int]
    functions: frozenset[int]
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
        How long each has to survive tests.
    tell
        Is given a line now and then.
    outcomes
        What became of each that was tried.
    too_late
        Mutants of functions that are called while modules are imported and never afterwards, such as those that fill a
        table: a mutant takes the place of its original after the imports, so that it would never run.
    broken
        Tests that fail without any mutant; then none was tried.
    """

    mutants: Sequence[Mutant]
    processes: int
    budget: Mapping[Mutant, Budget]
    tell: Callable[[str], None]
    outcomes: dict[Mutant, Outcome] = field(default_factory=dict)
    too_late: list[Mutant] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed or not session.items:
            raise pytest.UsageError("the tests could not be collected from the copy in mutants/")
        started = time.monotonic()
        at_import = frozenset(switches.called)
        changes = self._changes()
        traces = self._traces(session.items, changes)
        self.broken = [session.items[trace.index].nodeid for trace in traces if not trace.passed]
        if not self.broken:
            self.tell(f"{len(traces)} tests pass without a mutant, which took {time.monotonic() - started:.0f} s")
            never = at_import.difference(*(trace.functions for trace in traces))
            self.too_late = [mutant for mutant in changes if switches.number(mutant) in never]
            self.tell(f"{len(self.too_late)} mutants are not tried: they would come after the imports, too late to run")
            self._try(session.items, traces, changes)
        return True

    def _changes(self) -> dict[Mutant, lines.Statement]:
        found = {}
        for mutant in self.mutants:
            with contextlib.suppress(LookupError):  # no test imports its module
                found[mutant] = lines.changed(*switches.codes(mutant))
        return found

    def _traces(self, items: list[pytest.Item], changes: Mapping[Mutant, lines.Statement]) -> list[Trace]:
        watched = {statement: switches.codes(mutant)[0] for mutant, statement in changes.items()}
        numbers = _numbers(watched)
        lines.watch(watched)
        files: dict[str, list[int]] = defaultdict(list)
        for index, item in enumerate(items):
            files[item.nodeid.partition("::")[0]].append(index)

        def work(indices: list[int]) -> Iterator[Trace]:
            for index, following in zip_longest(indices, indices[1:]):
                lines.forget()
                switches.called.clear()
                started = time.perf_counter()
                passed = _passes(items[index], None if following is None else items[following])
                seconds = time.perf_counter() - started
                statements = frozenset(numbers[each] for each in lines.reached)
                yield Trace(index, seconds, statements, frozenset(switches.called), passed)

        # The files with the most tests first, so that the processes end together.
        jobs = sorted(files.values(), key=len, reverse=True)
        return sorted(shared(jobs, work, self.processes), key=lambda trace: trace.index)

    def _try(self, items: list[pytest.Item], traces: list[Trace], changes: Mapping[Mutant, lines.Statement]) -> None:
        numbers = _numbers(dict.fromkeys(changes.values()))
        tests = _by_statement(traces, items)
        mutants: dict[str, list[Mutant]] = defaultdict(list)
        left_out = set(self.too_late)
        for mutant in self.mutants:
            if mutant not in left_out:
                mutants[mutant.function].append(mutant)
        number_of_all = sum(map(len, mutants.values()))

        def tests_of(mutant: Mutant) -> list[Trace]:
            return tests[numbers[changes[mutant]]] if mutant in changes else []

        def work(function: str) -> Iterator[tuple[Mutant, Outcome]]:
            killers: list[str] = []  # what killed one mutant of a function is likely to kill the next
            for mutant in mutants[function]:
                order = [items[trace.index] for trace in tests_of(mutant)]
                order.sort(key=lambda item: killers.index(item.nodeid) if item.nodeid in killers else len(killers))
                outcome = _attempt(mutant, order, self.budget[mutant])
                if outcome.killer:
                    killers = [outcome.killer, *(each for each in killers if each != outcome.killer)]
                yield mutant, outcome

        # The slow ones first: a process that ends late must not have begun late.
        cost = {name: sum(trace.seconds for each in job for trace in tests_of(each)) for name, job in mutants.items()}
        jobs = sorted(mutants, key=cost.__getitem__, reverse=True)
        for done, (mutant, outcome) in enumerate(shared(jobs, work, self.processes), 1):
            self.outcomes[mutant] = outcome
            if done % 500 == 0 or done == number_of_all:
                self.tell(f"{done} of {number_of_all} mutants tried")


def _numbers(statements: Iterable[lines.Statement]) -> dict[lines.Statement, int]:
    """What goes from process to process in their place."""
    return {each: number for number, each in enumerate(dict.fromkeys(statements))}


def _by_statement(traces: list[Trace], items: list[pytest.Item]) -> dict[int, list[Trace]]:
    """The tests that run it: the quick and particular ones first, and of each test function not all cases in a row."""
    tests: dict[int, list[Trace]] = defaultdict(list)
    for trace in sorted(traces, key=_cost):
        for statement in trace.statements:
            tests[statement].append(trace)
    for found in tests.values():
        cases: dict[str, int] = defaultdict(int)
        cost: dict[int, float] = {}
        for trace in found:
            name = items[trace.index].nodeid.partition("[")[0]
            cases[name] += 1
            cost[trace.index] = _cost(trace) * cases[name]
        found.sort(key=lambda trace: cost[trace.index])
    return tests


def _cost(trace: Trace) -> float:
    return trace.seconds * len(trace.statements)


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    try:
        return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))
    except BaseException:  # whatever pytest itself stumbles over was done by the mutant
        return False


def _attempt(mutant: Mutant, items: list[pytest.Item], budget: Budget) -> Outcome:
    if not items:
        return Outcome(UNTESTED)
    total = sum(budget)
    try:
        killer, tried, seconds = in_a_fork(partial(_meet, mutant, items, budget), 2 * _PATIENCE * total + _ENDLESS)
    except Ended as end:
        # By a limit, or by a crash, which no test would have let pass.
        code = TIMEOUT if end.signal in {signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL} else KILLED
        return Outcome(code, reach=len(items))
    return Outcome(KILLED if killer else SURVIVED, killer, len(items), tried, seconds)


def _meet(mutant: Mutant, items: list[pytest.Item], budget: Budget) -> tuple[str, int, float]:
    """Be this mutant, and run tests until one fails or the time is used up: which failed, how many ran, how long."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    endless = math.ceil(sum(budget)) + _ENDLESS
    resource.setrlimit(resource.RLIMIT_CPU, (endless, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    switches.become(mutant)
    started, clock, most = _spent(), time.monotonic(), _PATIENCE * sum(budget)
    tried, left, until = 0, list(items), 0.0
    for seconds, arrange in zip(budget, (list, _from_all_files), strict=True):
        until, left = until + seconds, arrange(left)
        if left:  # another test comes now than the one for which fixtures were kept
            left[0].session._setupstate.teardown_exact(None)
        while left and _spent() - started < until and time.monotonic() - clock < most:
            item, *left = left
            tried += 1
            if not _passes(item, left[0] if left else None):
                return item.nodeid, tried, _spent() - started
    return "", tried, _spent() - started


def _from_all_files(items: list[pytest.Item]) -> list[pytest.Item]:
    """In turn one from each file, and from each file one of each test function before another case of it."""
    cases: Counter[str] = Counter()
    functions: Counter[tuple[str, int]] = Counter()
    turns = {}
    for item in items:
        file, _, name = item.nodeid.partition("::")
        function = f"{file}::{name.partition('[')[0]}"
        cases[function] += 1
        functions[file, cases[function]] += 1
        turns[item.nodeid] = cases[function], functions[file, cases[function]]
    return sorted(items, key=lambda item: turns[item.nodeid])


def _spent() -> float:
    """Processor time of this process and of its children that have ended: other mutants are at work beside this one."""
    return sum(os.times()[:4])
