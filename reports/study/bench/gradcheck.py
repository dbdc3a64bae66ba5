"""Compares gradient checkers on the lab's network for MNIST: how long they take, and what they find.

The mistake to find is the mildest there is: one entry of 67,530 is off by a small part of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp
from reference.lab.checks import deep
from reference.lab.network import NetCase
from reference.numerics import directions, network_rounding, rounding, tolerances
from reference.numerics.oracles import ball, complex_step, torch_autograd
from reports.study.bench.tables import BenchError, Effort, Say, Table
from reports.study.bench.timing import interleaved

Array = NDArray[np.float64]

#: How far the wrong entry is off, as a part of itself.
_PARTS = (1e-7, 1e-3, 1e-2)
#: `torch.autograd.gradcheck` calls an entry wrong by |analytical - numerical| > atol + rtol |numerical|: its defaults.
_ATOL, _RTOL = 1e-5, 1e-3


@dataclass(frozen=True)
class Plan:
    """How much to measure.

    Attributes
    ----------
    widths, n
        The widths of the network, and the number of samples.
    rounds
        Rounds of the timing.
    nets
        Networks on which the rate of detection is measured.
    seeds
        The number of wrong gradients for each entry of `_PARTS`.
    slow, fast
        The number of wrong gradients, for the smallest and the largest of `_PARTS`, that PyTorch judges in its slow
        mode (a quarter of a minute each) and in its fast mode.
    """

    widths: tuple[int, ...] = deep.WIDTHS
    n: int = deep.N_SAMPLES
    rounds: int = 15
    nets: int = 20
    seeds: tuple[int, ...] = (1000, 200, 200)
    slow: int = 1
    fast: int = 10


PLANS: dict[Effort, Plan] = {
    "quick": Plan(rounds=5, nets=2, seeds=(40, 10, 10), slow=0, fast=3),
    "normal": Plan(),
    "exhaustive": Plan(rounds=50, nets=200, seeds=(20_000, 2000, 2000), slow=3, fast=50),
}


def run(effort: Effort, say: Say) -> list[Table]:
    """Measure times and rates of detection at an effort."""
    return measure(PLANS[effort], say)


def measure(plan: Plan, say: Say) -> list[Table]:
    """Measure with any plan.

    Raises
    ------
    BenchError
        Ball arithmetic is absent, or the checkers disagree about a right gradient.
    """
    if (reason := ball.available()) is not None:
        raise BenchError(f"gradcheck: {reason}")
    say("gradcheck: times")
    times, slow_found = _times(plan, say)
    say(f"gradcheck: {sum(plan.seeds)} gradients with a wrong entry")
    return [times, _detection(plan), *slow_found]


class _Subject:
    """A network, its gradient by `bp`, and what the checkers need."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.case, self.bounds = deep.draw(np.random.RandomState(seed), widths=plan.widths, n=plan.n)
        case = self.case
        self.claimed = _gradient_by_bp(case)
        self.forward = complex_step.on_arrays(case.mean_loss)
        self.usual = network_rounding.deviations(case.X, case.theta, case.T, rounding.DOUBLE).gradient
        self.oracle = directions.oracle_of(self.forward, case.theta, np.random.RandomState(seed + 1))

    def exactly(self, claimed: Sequence[Array]) -> int:
        """The number of wrong entries by ball arithmetic, which computes the truth and compares all entries."""
        case = self.case
        bounds = network_rounding.bounds(case.X, case.theta, case.T, rounding.DOUBLE).gradient
        return deep.number_of_wrong(claimed, case.true_gradient(ball), bounds)

    def along_directions(self, claimed: Sequence[Array], rng: np.random.RandomState) -> directions.Verdict:
        """The verdict of random directions, with the oracle and the bounds computed before."""
        return directions.find_wrong_entries(claimed, self.oracle, self.bounds, rng=rng, usual=self.usual)

    def from_scratch(self, claimed: Sequence[Array], rng: np.random.RandomState) -> directions.Verdict:
        """The verdict of random directions, with the oracle and the bounds computed now."""
        case = self.case
        bounds, usual = (
            sizes(case.X, case.theta, case.T, rounding.DOUBLE).gradient
            for sizes in (network_rounding.bounds, network_rounding.deviations)
        )
        oracle = directions.oracle_of(self.forward, case.theta, rng)
        return directions.find_wrong_entries(claimed, oracle, bounds, rng=rng, usual=usual)


def _times(plan: Plan, say: Say) -> tuple[Table, list[Table]]:
    """The table of times and, where PyTorch is installed, one of what its checker catches."""
    subject = _Subject(plan, 0)
    _agree(subject)
    rng = np.random.RandomState(1)
    exact, warm, scratch = "ball arithmetic, every entry", "directions, oracle at hand", "directions, from scratch"
    contestants: dict[str, Callable[[], Any]] = {
        exact: lambda: subject.exactly(subject.claimed),
        warm: lambda: subject.along_directions(subject.claimed, rng),
        scratch: lambda: subject.from_scratch(subject.claimed, rng),
    }
    absent = torch_autograd.available()
    fast, slow = "torch gradcheck, fast mode", "torch gradcheck, slow mode"
    theta, X, T = subject.case.theta, subject.case.X, subject.case.T
    if absent is None:
        contestants[fast] = lambda: torch_autograd.gradcheck_mlp(theta, X, T, fast=True)
    times = interleaved(contestants, plan.rounds)
    rows: list[dict[str, Any]] = [{"checker": name, "ms": 1e3 * times.median(name)} for name in contestants]
    if absent is not None:
        return Table(_title(plan), rows, note=f"gradcheck is left out: {absent}."), []
    say("gradcheck: PyTorch's slow mode")
    # It takes a quarter of a minute, so it runs once, in the same round as the exact check.
    passed: list[bool] = []
    once = interleaved(
        {exact: contestants[exact], slow: lambda: passed.append(torch_autograd.gradcheck_mlp(theta, X, T, fast=False))},
        1,
        warm_up=0,
    )
    if passed != [True]:
        raise BenchError("gradcheck: expected PyTorch to pass its own gradient")
    seconds = once.median(slow)
    rows.append({"checker": slow, "ms": 1e3 * seconds})
    rows = [{**row, "slow mode / this": 1e3 * seconds / row["ms"]} for row in rows]
    note = (
        f"One thread; medians of {plan.rounds} interleaved rounds. Slow mode once, and in the same round {exact}: "
        f"{1e3 * once.median(exact):.3g} ms, ratio {once.ratio(slow, exact):.3g}."
    )
    return Table(_title(plan), rows, note), [_torch_runs(plan, subject, say)]


def _agree(subject: _Subject) -> None:
    """Raise an error unless all checkers pass the right gradient."""
    if subject.exactly(subject.claimed):
        raise BenchError("gradcheck: expected the gradient of bp to be right, ball arithmetic disagrees")
    if not subject.along_directions(subject.claimed, np.random.RandomState(2)).passed:
        raise BenchError("gradcheck: expected the gradient of bp to be right, random directions disagree")
    if torch_autograd.available() is None:
        case = subject.case
        if subject.exactly(torch_autograd.mlp_gradient(case.theta, case.X, case.T)):
            raise BenchError("gradcheck: expected PyTorch to compute the gradient of the same loss")


def _detection(plan: Plan) -> Table:
    """How often random directions find a wrong entry and how often other checkers cannot, for each of `_PARTS`."""
    tries: list[list[_Try]] = [[] for _ in _PARTS]
    within: list[list[float]] = [[] for _ in _PARTS]
    by_rule: list[list[float]] = [[] for _ in _PARTS]
    for number in range(plan.nets):
        subject = _Subject(plan, 1000 + number)
        truth = subject.case.true_gradient(ball)
        value, error = (_flat([getattr(each, name) for each in truth]) for name in ("value", "error"))
        size = np.abs(value[value != 0])
        allowed = (_flat(subject.bounds) + error)[value != 0]
        for place, part in enumerate(_PARTS):
            # The rounding error of the entry itself may hide as much of the mistake as the bound allows, hence twice.
            within[place].append(float((part * size <= 2 * allowed).mean()))
            by_rule[place].append(float((part * size <= _ATOL + _RTOL * size).mean()))
            for seed in range(number, plan.seeds[place], plan.nets):
                tries[place].append(_try(subject, value, part, np.random.RandomState(100_000 * place + seed)))
    entries = sum(d * u + u for d, u in zip(plan.widths[:-1], plan.widths[1:], strict=True))
    rows = [
        {
            "off by": part,
            "ball misses": float(np.mean(within[place])),
            "gradcheck misses": float(np.mean(by_rule[place])),
            "directions find": sum(each.found for each in tries[place]),
            "of": len(tries[place]),
            "calls": median(each.calls for each in tries[place]),
            "at most": max(each.calls for each in tries[place]),
            "stated miss": max(each.stated for each in tries[place]),
        }
        for place, part in enumerate(_PARTS)
        if tries[place]
    ]
    smallest = [each.size for group in tries for each in group if not each.found]
    note = (
        f"The wrong entry is drawn among those that are not 0, in {plan.nets} networks. Misses: the share of these "
        "entries whose mistake is within the rounding bound, or within gradcheck's tolerance. Find: this entry is "
        f"named, and no other. Calls: those of the oracle, {tolerances.DIRECTIONS} to confirm included; to compare, "
        f"2 log2({entries}) = {2 * np.log2(entries):.1f}. Stated miss: the largest bound on the probability of a miss."
    )
    if smallest:
        sizes = ", ".join(f"{each:.1e}" for each in smallest[:8])
        note += f" Sizes of the entries that were not found, relative to the largest entry: {sizes}."
    return Table("One wrong entry", rows, note)


@dataclass(frozen=True)
class _Try:
    """The search for one wrong entry.

    Whether it was found, with how many calls of the oracle, the stated probability to miss it, and its size relative to
    the largest entry.
    """

    found: bool
    calls: int
    stated: float
    size: float


def _try(subject: _Subject, truth: Array, part: float, rng: np.random.RandomState) -> _Try:
    place = int(rng.choice(np.flatnonzero(truth)))
    claimed, number, index = _spoiled(subject.claimed, place, 1 + part)
    verdict = subject.along_directions(claimed, rng)
    named = [(entry.argument, entry.index) for entry in verdict.wrong]
    errors = [np.zeros(array.shape) for array in claimed]
    errors[number][index] = part * truth[place]
    size = float(abs(truth[place]) / np.abs(truth).max())
    return _Try(named == [(number, index)], verdict.calls, verdict.missed(errors), size)


def _torch_runs(plan: Plan, subject: _Subject, say: Say) -> Table:
    """How many wrong gradients `torch.autograd.gradcheck` catches when it is really run."""
    case = subject.case
    truth = _flat(subject.claimed)
    rng = np.random.RandomState(3)
    rows = []
    for mode, runs in (("slow", plan.slow), ("fast", plan.fast)):
        for part in (_PARTS[0], _PARTS[-1]) if runs else ():
            say(f"gradcheck: PyTorch's {mode} mode, an entry off by {part}")
            caught = 0
            for _ in range(runs):
                place = int(rng.choice(np.flatnonzero(truth)))
                _, number, index = _spoiled(subject.claimed, place, 1 + part)
                wrong = (number, index, 1 + part)
                caught += not torch_autograd.gradcheck_mlp(case.theta, case.X, case.T, fast=mode == "fast", wrong=wrong)
            rows.append({"gradcheck": f"{mode} mode", "entry off by": part, "caught": caught, "of": runs})
    return Table("One wrong entry, runs of torch.autograd.gradcheck", rows)


def _spoiled(gradient: Sequence[Array], place: int, factor: float) -> tuple[list[Array], int, tuple[int, ...]]:
    """The gradient with one entry multiplied, the number of the array that holds the entry, and its index there."""
    ends = np.cumsum([array.size for array in gradient])
    number = int(np.searchsorted(ends, place, side="right"))
    offset = place - (int(ends[number - 1]) if number else 0)
    index = tuple(int(i) for i in np.unravel_index(offset, gradient[number].shape))
    spoiled = list(gradient)
    spoiled[number] = gradient[number].copy()
    spoiled[number][index] *= factor
    return spoiled, number, index


def _gradient_by_bp(case: NetCase) -> list[Array]:
    parts = bp_net(case).gradient(case.X, case.T).values()
    return [np.asarray(array, dtype=np.float64) for part in parts for array in part]


def bp_net(case: NetCase) -> bp.MLP:
    """The network of a case, made of `bp`'s layers."""
    loss = bp.LossCrossEntropyForSoftmaxLogits("CE")
    return bp.MLP(case.widths[0], list(_layers(case)), loss, [bp.SoftmaxLayer("Softmax_OUT")])


def _layers(case: NetCase) -> Iterator[Any]:
    pairs = list(zip(case.theta[::2], case.theta[1::2], strict=True))
    for number, (W, b) in enumerate(pairs, start=1):
        layer = bp.LinearLayer(W.shape[0], W.shape[1], np.random.RandomState(0), f"Linear_{number}")
        layer.W[...], layer.b[...] = W, b
        yield layer
        if number < len(pairs):
            yield bp.ReLULayer(f"ReLU_{number}")


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays])


def _title(plan: Plan) -> str:
    return f"Checking the gradient of a {'-'.join(str(width) for width in plan.widths)} net, N = {plan.n}"
