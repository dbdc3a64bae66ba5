"""Absurd replies of an implementation: each check that gets one fails, and none ends with an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from reference.execution import sanitize
from reference.execution.in_process import InProcess
from reference.execution.worker.perform import kind_of
from reference.execution.worker.protocol import Call, Get, Reply, Step, Unusable, Work
from reference.lab.check import Examination
from reference.lab.mistakes import plain

pytestmark = pytest.mark.system

ABSURD: list[Any] = [
    None,
    True,
    7,
    2**63,
    -1.5,
    float("nan"),
    "text",
    "",
    [],
    (),
    {},
    [1, 2],
    [None, None],
    (1.0,),
    {"Linear_OUT": 7},
    {"Linear_1": [], "Linear_OUT": [None, 1]},
    {"\\ud800": [1, 2]},
    {str(n): "x" * 900 for n in range(5000)},
    Unusable("list of items"),
    Unusable("set"),
    np.float32(2),
    np.int8(3),
    np.bool_(True),
    np.complex128(1j),
    np.zeros(()),
    np.zeros(0),
    np.zeros((0, 5)),
    np.zeros((1, 1, 1, 1, 1, 1, 1, 1)),
    np.zeros((3, 4), complex),
    np.zeros((3, 4), bool),
    np.full((3, 4), np.nan),
    np.full((40, 50), np.inf),
    np.zeros((3, 4), np.float16),
    np.zeros((3, 4), np.uint8),
    np.arange(12.0).reshape(4, 3),
    [np.zeros((2, 4)), np.zeros(3)],
    [np.zeros((2, 4)), "b"],
    [np.zeros((0, 4)), np.zeros(4, complex)],
    [[0.0] * 4] * 3,
    np.zeros((1000, 100)),
    [np.zeros(3)] * 3,
]


class Absurd:
    """An executor that replies rightly, except that it sometimes replaces a reply by an absurd one."""

    def __init__(self, rng: np.random.RandomState) -> None:
        self._honest, self._rng = InProcess(plain.CLASSES, {}), rng
        self._rate = rng.choice([0.003, 0.02, 0.2, 1.0])

    def missing(self) -> dict[str, str]:
        return {}

    def modules(self) -> dict[str, str]:
        return {}

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        replies = self._honest.run(steps)
        pairs = zip(steps, replies, strict=True)
        odd = [
            self._odd() if isinstance(step, Call | Get) and self._rng.rand() < self._rate else reply
            for step, reply in pairs
        ]
        return sanitize.replies(odd, len(steps))

    def run_all(self, requests: Iterable[Sequence[Step]], meanwhile: Iterable[Work] = ()) -> Iterator[list[Reply]]:
        return (self.run(steps) for steps in requests)

    def _odd(self) -> Reply:
        if self._rng.rand() < 0.1:
            return Reply(error="", error_kind=None)
        value = ABSURD[self._rng.randint(len(ABSURD))]
        kind = value.kind if isinstance(value, Unusable) else kind_of(value)
        names = [(), (), (), ("X",), ("nobody",)]
        changed, aliases = names[self._rng.randint(5)], names[self._rng.randint(5)]
        return Reply(value, kind, changed=changed, aliases=aliases, altered=bool(self._rng.rand() < 0.1))


@pytest.mark.parametrize("only", ["linear.*", "relu.*", "softmax.*", "cross_entropy.*", "logits.*", "mlp.*"])
@pytest.mark.parametrize("seed", range(4))
def test_absurd_answers_are_findings_and_never_faults(only: str, seed: int) -> None:
    """Absurd replies lead to failures with a short text, never to an error of the examiner."""
    executor = Absurd(np.random.RandomState(seed))
    for finding in Examination(executor, "x", only=only, effort="quick", seed=seed):
        assert finding.status != "error", (finding.check, finding.actual)
        assert len(finding.actual or "") < 3000, finding.check
