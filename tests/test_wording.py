"""The check of language itself: what is garbled, misspelt or incomplete fails, and what is reworded does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reference.findings import Evidence, Finding
from reference.lab.mistakes import plain
from reference.wording import MISTAKES
from tests.wording import assert_phrase, assert_sentence, assert_well_said

SCRIPT = """import numpy as np
from your_module import SoftmaxLayer
layer = SoftmaxLayer(name="layer")
X = np.array([[0.0, 0.0]])
print(layer.forward(X=X))
"""
GOOD = Finding(
    "softmax.forward.values",
    "SoftmaxLayer.forward",
    "failed",
    "The answer is right, but for rounding.",
    "Y[0, 0] = 0.25, also in Fortran layout",
    "Y[0, 0] = 0.5",
    index=(0, 0),
    bound=1e-16,
    counterexample={"X": [[0.0, 0.0]]},
    mistake="wrong-axis",
    hint="Which axis is summed over: the classes, or the samples?",
    repro=SCRIPT,
    evidence=Evidence("Y", [[0.5, 0.5]], [[0.25, 0.75]], [[1e-16, 1e-16]]),
)


@pytest.mark.parametrize(
    "text",
    [
        "an answer with memory of its own", "NaN in the output of the sample that has one in its input",
        "LinearLayer(n_inputs, n_units, rng, name) to make a layer", "a dict with the keys ['Linear_1', 'Linear_OUT']",
        "ValueError: qwx zzy ((", "AttributeError: no such (right only after forward on the same batch)",
        "gradient[0] of dtype float64, as the arguments have", "the layer's own output, or the layers' inputs",
    ],
)  # fmt: skip
def test_plain_words_pass(text: str) -> None:
    """Names of the contract, of Python and of checks among them; what an exception says is not ours."""
    assert_phrase(text)


@pytest.mark.parametrize(
    "text",
    [
        "XXan answer that staysXX", "AN ANSWER THAT STAYS", "also in fortran layout", "linearlayer to make a layer",
        "an  answer", " an answer", "an answer ", "", "an anwser that stays", "an answer\tthat stays", "(an answer",
        "an answer)", "[an answer)", "an `answer", "the 'answer", 'an "answer', "An Answer that stays",
        "AttributeError: no such (rihgt only after forward)",
    ],
)  # fmt: skip
def test_garbled_words_fail(text: str) -> None:
    """Shouted, misspelt, cut off or badly set."""
    with pytest.raises(AssertionError):
        assert_phrase(text)


@pytest.mark.parametrize("text", ["which axis is meant?", "Which axis is meant", "Which axis is meant:", "..."])
def test_what_is_no_sentence_fails(text: str) -> None:
    """A capital or a name first, and a full stop or a question mark last."""
    assert_sentence("Which axis is meant?")
    assert_sentence("delta belongs to each sample alone.")
    with pytest.raises(AssertionError):
        assert_sentence(text)


def test_other_words_for_the_same_pass() -> None:
    """Nothing asks for the very words."""
    assert_well_said([GOOD])
    assert_well_said([replace(GOOD, rationale="The answer is true, but for rounding.")])
    assert_well_said([replace(GOOD, hint="Which axis is it?")])


@pytest.mark.parametrize(
    "changes",
    [
        {"expected": None}, {"actual": None}, {"actual": GOOD.expected}, {"mistake": "XXwrong-axisXX"},
        {"mistake": "WRONG-AXIS"}, {"hint": None}, {"hint": "Which axis is summed over"}, {"counterexample": {}},
        {"counterexample": {"T": [[1.0]]}}, {"repro": None}, {"repro": SCRIPT.removesuffix(")\n")}, {"bound": 0.5},
        {"repro": SCRIPT + "#\n" * 6}, {"bound": float("inf")}, {"evidence": None}, {"index": (0, 1)},
        {"expected": "loss[0, 0] = 0.25"}, {"rationale": "the answer is the true one."}, {"status": "error"},
        {"status": "passed"}, {"status": "skipped"},
    ],
)  # fmt: skip
def test_incomplete_findings_fail(changes: dict[str, Any]) -> None:
    """Whatever a reader needs, and would miss."""
    with pytest.raises(AssertionError):
        assert_well_said([replace(GOOD, **changes)])


def test_scripts_have_to_show_what_is_said() -> None:
    """The textbook's softmax gives 0.5 there, and another script gives something else."""
    assert_well_said([GOOD], plain.CLASSES)
    for other in (SCRIPT.replace("0.0, 0.0", "0.0, 1.0"), SCRIPT.replace("(X=X)", "(Y=X)")):
        with pytest.raises(AssertionError, match="the script"):
            assert_well_said([replace(GOOD, repro=other)], plain.CLASSES)


def test_hints_are_well_said() -> None:
    """Those that no known mistake brings, of classes and of functions."""
    for hint in filter(None, (word.hint for word in MISTAKES.values())):
        assert_sentence(hint)
