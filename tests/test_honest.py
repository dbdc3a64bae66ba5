"""Nothing correct is failed, however it is coded; and how near honest codings come to what they are granted."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import bp
import reference
from reference.lab.check import checks_of
from reference.lab.contract import MESSAGES, Message
from tests import honest, nets
from tests.comparing import needs_flint
from tests.measuring import Tally, tally
from tests.strategies import NIGHTLY

pytestmark = [needs_flint, pytest.mark.catalogue]

DTYPES = (np.float64, np.float32)
#: Other people's code meets logits up to the first size, ours up to the second.
LARGEST = {np.float64: (1e300, 1.79e308), np.float32: (1e37, 1.7e38)}
#: Checks that are about a class.
CHECKS = {
    "LinearLayer": "linear.*",
    "ReLULayer": "relu.*",
    "SoftmaxLayer": "softmax.*",
    "LossCrossEntropy": "cross_entropy.*",
    "LossCrossEntropyForSoftmaxLogits": "logits.*",
    "MLP": "mlp.*",
}
#: What is left out by day, since it takes seconds: loops over many numbers in Python, and the training of a deep
#: network, which by day two codings have to pass that differ most.
AT_NIGHT = {
    "LinearLayer: loops over all": ("any_size", "lab_dtypes"),
    "LinearLayer: rounded once": ("any_size", "lab_dtypes"),
    "SoftmaxLayer: in Python": ("delta.any_size",),
    **dict.fromkeys(("MLP: one sample at a time", "MLP: tuples"), ()),
}
each_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.subject)
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)


def all_tallies(message: Message, dtype: Any, n: int) -> dict[str, Tally]:
    """Every coding of a message, and ours."""
    others, ours = LARGEST[dtype]
    result = tally(honest.CODINGS[message.cls], message, dtype, n, most=others)
    result |= tally({"bp": getattr(bp, message.cls)}, message, dtype, n, most=ours, seed=1)
    if message.subject == "SoftmaxLayer.forward":
        for name, (forward, most) in honest.SOFTMAX_IN_BOUNDS.items():
            limited = {name: honest.layer_class(message.cls, forward, forward)}
            result |= tally(limited, message, dtype, n, most=most, seed=2)
    return result


def assert_no_alarm(tallies: Mapping[Any, Tally]) -> None:
    alarms = {name: each.first[:1] for name, each in tallies.items() if each.alarms}
    assert not alarms, alarms


def figures(what: str, dtype: Any, tallies: Mapping[Any, Tally]) -> str:
    """One line of the measure."""
    examples, alarms = sum(each.examples for each in tallies.values()), sum(each.alarms for each in tallies.values())
    worst = max(tallies.values(), key=lambda each: each.ratio)
    return (
        f"{what:40} {np.dtype(dtype).name}: {alarms} alarms in {examples} answers of {len(tallies)} codings; "
        f"largest error / bound {worst.ratio:.2f} ({worst.worst})"
    )


def say(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Show a figure though the test passes."""
    with capsys.disabled():
        sys.stdout.write(f"\n{line}")


@each_message
@each_dtype
def test_errors_stay_within_their_bounds(message: Message, dtype: Any) -> None:
    """Every coding, from tiny numbers to huge logits, ties, kinks and saturation."""
    tallies = all_tallies(message, dtype, 30)
    assert sum(each.examples for each in tallies.values()) > 300
    assert_no_alarm(tallies)


@each_dtype
def test_errors_of_nets_stay_within_their_bounds(dtype: Any) -> None:
    """Whatever its layers' codings, and where rounding decides what ReLU does."""
    assert_no_alarm(nets.tally({**honest.HONEST, "bp": vars(bp)}, dtype, 40, codings_a_question=3))


@pytest.mark.parametrize("name", honest.HONEST)
def test_no_honest_coding_is_failed(name: str) -> None:
    """All checks that are about the class; by day without those that take this coding long."""
    left_out = () if NIGHTLY else AT_NIGHT.get(name, ("rehearsal.deep",))
    asked = [each.id for each in checks_of(CHECKS[name.partition(":")[0]], 3) if not each.id.endswith(left_out)]
    findings = reference.check(honest.HONEST[name], only=",".join(asked), effort="quick")
    assert {each.check for each in findings} >= set(asked)
    assert [each for each in findings if each.status != "passed"] == []


@pytest.mark.parametrize("name", honest.NAIVE)
def test_first_assignment_allows_naive_codings(name: str) -> None:
    """Softmax without a shift, and through log-sum-exp of unshifted logits."""
    findings = reference.check(honest.NAIVE[name], assignment=1, only="softmax.*", effort="quick")
    assert [each for each in findings if each.status != "passed"] == []


def _outside() -> dict[str, tuple[str, type, str]]:
    """Codings that docs/gate.md names as outside the theorems: the class, and the check that fails."""
    forward, delta = honest.UNLIKELY_TARGETS_LOSE_DIGITS["through the others alone"]
    return {
        "Strassen's products": ("LinearLayer", honest.STRASSEN, "linear.forward.values"),
        "exp(x - lse)": ("SoftmaxLayer", honest.NAIVE["log-sum-exp"]["SoftmaxLayer"], "softmax.forward.extreme_logits"),
        "log1p of unlikely targets": (
            "LossCrossEntropy",
            honest.loss_class("LossCrossEntropy", forward, delta),
            "cross_entropy.forward.values",
        ),
    }


@pytest.mark.parametrize("name", _outside())
def test_codings_outside_the_theorems_are_failed(name: str) -> None:
    """They lose digits that others keep: by the check that docs/gate.md tells."""
    cls, coding, check = _outside()[name]
    findings = reference.check({**honest.PLAIN, cls: coding}, only=CHECKS[cls], effort="quick")
    failed = [each.check for each in findings if each.status == "failed"]
    assert check in failed
    assert all(each.startswith(check.rpartition(".")[0]) for each in failed)


@pytest.mark.measure
@each_message
@each_dtype
def test_measure_of_messages(message: Message, dtype: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """10,000 questions to each coding of each message."""
    tallies = all_tallies(message, dtype, 10_000)
    say(capsys, figures(message.subject, dtype, tallies))
    assert_no_alarm(tallies)


@pytest.mark.measure
@each_dtype
def test_measure_of_nets(dtype: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """10,000 nets, each in five codings."""
    tallies = nets.tally({**honest.HONEST, "bp": vars(bp)}, dtype, 10_000, codings_a_question=5)
    for part, each in tallies.items():
        say(capsys, figures(f"MLP, {part}", dtype, {part: each}))
    assert_no_alarm(tallies)


@pytest.mark.measure
@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_measure_of_verdicts(effort: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty whole examinations of each coding."""
    codings = [(name, each, 3) for name, each in (honest.HONEST | {"bp": vars(bp)}).items()]
    codings += [(name, each, 1) for name, each in honest.NAIVE.items()]
    failed = []
    for name, coding, assignment in codings:
        for seed in range(20):
            findings = reference.check(coding, assignment=assignment, seed=seed, effort=effort)
            failed += [(name, seed, each) for each in findings if each.status in {"failed", "error"}]
    say(capsys, f"{effort}: {len(failed)} alarms in {20 * len(codings)} examinations")
    assert failed == []
