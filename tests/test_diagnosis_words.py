"""Which word a diagnosis takes: of several that reproduce the same answers, and of the answers and the code."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import check_vjp
from reference.findings import Violation
from reference.gradients.diagnosis import masks, naming, variants
from reference.gradients.diagnosis.named import Named, first_found
from reference.gradients.diagnosis.view import seen
from reference.wording import fact
from tests.gradients import drawn
from tests.test_diagnosis_mechanisms import samples_of

Array = NDArray[Any]

pytestmark = pytest.mark.catalogue


def averaged(c: Array, x: Array) -> tuple[Array]:
    return (c * (1 - np.tanh(x) ** 2) / len(x),)


@pytest.mark.parametrize(("of_answers", "of_code", "word"), [
    (None, None, None), ("sign", None, "sign"), (None, "sign", "sign"), (None, "", None), ("sign", "", "sign"),
    ("wrong-argument", "", None), ("wrong-argument", "shifted", "shifted"), ("transposed", "flipped", "flipped"),
    ("wrong-argument", "factor-missing", "factor-missing"), ("transposed", "factor-missing", "transposed"),
    ("wrong-argument", "wrong-axis", "wrong-axis"), ("term-missing", "not-summed", "not-summed"),
    ("term-missing", "scaled", "term-missing"), ("scaled", "averaged-over-batch", "averaged-over-batch"),
    ("scaled", "wrong-argument", "wrong-argument"), ("scaled", "sign", "scaled"),
    ("not-summed", "jacobian-diagonal-only", "jacobian-diagonal-only"), ("entry-wrong", "not-summed", "not-summed"),
    ("term-missing", "row-wrong", "row-wrong"), ("factor-missing", "mask-inverted", "mask-inverted"),
    ("last-sample-wrong", "extra-term", "extra-term"), ("sign", "scaled", "sign"),
    ("finite-differences", "shifted", "shifted"), ("finite-differences", "", "finite-differences"),
])  # fmt: skip
def test_the_code_tells_more_of_some_mistakes(of_answers: str | None, of_code: str | None, word: str | None) -> None:
    """Its word counts where it says more of the same mistake; a function too many has no word."""
    assert naming._of_two(of_answers, of_code) == word


@pytest.mark.parametrize(
    ("of_answers", "of_code", "is_renamed", "word"),
    [
        ("wrong-argument", "factor-missing", True, "wrong-argument"),
        ("wrong-argument", "factor-missing", False, "factor-missing"),
        ("factor-missing", "factor-missing", True, "factor-missing"),
        ("wrong-argument", "shifted", True, "shifted"),
    ],
)
def test_another_array_by_its_name_is_no_missing_factor(
    of_answers: str, of_code: str, is_renamed: bool, word: str
) -> None:
    """Where the answers say too that it is another array."""
    assert naming._of_code(SimpleNamespace(word=of_code, is_renamed=is_renamed), of_answers) == word  # type: ignore[arg-type]


def test_an_average_over_the_batch_is_told_by_the_code() -> None:
    """From the answers it is a factor."""
    found = check_vjp(lambda x: np.tanh(x).sum(axis=0), averaged, drawn(4, 3), effort="quick")
    assert [each.mistake for each in found if each.check == "vjp.gradient[0].consistent"] == ["averaged-over-batch"]


@pytest.mark.parametrize(("words", "word"), [
    (["scaled", "sign"], "sign"), (["wrong-argument", "transposed"], "transposed"),
    (["mask-missing", "leaky"], "mask-missing"), (["sign", "mask-missing"], "sign"),
    (["sign", "mask-missing", "term-missing"], "mask-missing"),
    (["other-epsilon", "delta-next-ignored"], "other-epsilon"),
])  # fmt: skip
def test_of_several_words_the_first_to_look_for_counts(words: list[str], word: str) -> None:
    """Whatever order they were found in, unless one is exact; of words without an order none counts."""
    for order in (words, words[::-1]):
        found = naming._simplest([Named(each) for each in order])
        assert found is not None
        assert found.word == word
        exact = Named("scaled", (("a", "1"),), is_exact=True)
        assert naming._simplest([*map(Named, order), exact]) is exact
    assert naming._simplest([Named("swapped"), Named("low-precision")]) is None


@pytest.mark.parametrize(("check", "mistake", "number"), [
    ("vjp.gradient[0].values", None, 0), ("vjp.gradient[12].consistent", "scaled", 12),
    ("vjp.gradient[1].types", "wrong-shape", 1), ("vjp.gradient.answers", "wrong-shape", 3),
    ("vjp.gradient.answers", "crash", None), ("vjp.gradient.linear", None, None), ("vjp.forward.values", None, None),
    ("vjp.forward.types", "wrong-shape", None),
])  # fmt: skip
def test_a_diagnosis_is_of_one_argument(check: str, mistake: str | None, number: int | None) -> None:
    """By the check, or the gradient that has another shape."""
    due = fact("shape of argument", what="gradient[3]", shape=(2,))
    violation = Violation(due, fact("shape", shape=(3,)), mistake=mistake)
    assert naming._argument(check, violation) == number


def test_the_first_test_that_finds_anything_counts() -> None:
    """With all that it finds; the others are not asked."""
    asked = []

    def finding(*words: str):  # type: ignore[no-untyped-def]
        def test(subject: str):  # type: ignore[no-untyped-def]
            asked.append((subject, words))
            yield from map(Named, words)

        return test

    found = list(first_found((finding(), finding("sign", "scaled"), finding("leaky")), "subject"))
    assert [each.word for each in found] == ["sign", "scaled"]
    assert asked == [("subject", ()), ("subject", ("sign", "scaled"))]
    assert list(first_found((finding(),), "subject")) == []


def test_an_array_is_shifted_by_one() -> None:
    """Along an axis, either way; what comes in is shut, or open."""
    mask = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for axis, step, fill, due in (
        (0, 1, 0.0, [[0, 0, 0], [1, 2, 3]]), (0, -1, None, [[4, 5, 6], [6, 6, 6]]),
        (1, 1, None, [[6, 1, 2], [6, 4, 5]]),
        (1, -1, 0.0, [[2, 3, 0], [5, 6, 0]]),
    ):  # fmt: skip
        assert variants._shifted(mask, axis, step, fill).tolist() == due
    assert len(list(variants._shifts((2, 3)))) == 8
    assert len(list(variants._shifts((1, 3)))) == 4
    assert len(list(variants._orders((2, 3)))) == 10
    assert variants._dense(np.array([2, 5, 9])).tolist() == [2, 3, 4]
    assert variants._flipped(mask, -1).tolist() == mask[:, ::-1].tolist()
    assert variants._flipped(mask[0], -2) is not None
    assert variants._flipped(mask[0], -2).tolist() == [1, 2, 3]


def test_a_mask_is_open_where_another_array_passes() -> None:
    """Where that is above 0, or below; at 0 it is shut."""
    compared = np.array([1.0, 0.0, -2.0])
    for sign, due in ((1, [5, 0, 0]), (-1, [0, 0, 7])):
        found = masks._opened_where(
            None,
            open_at=lambda _: np.array([5.0, 6.0, 7.0]),
            compared=lambda _: compared,
            sign=sign,  # type: ignore[arg-type]
        )
        assert found.tolist() == due


def test_a_number_that_gets_an_axis_is_no_list_of_places() -> None:
    """What is taken from an array without axes is not looked for among the places of others."""
    samples = samples_of(lambda x: np.max(x)[None] * x[1], lambda c, x: (x,), (drawn(3, 4),), 0)
    assert variants._lists(seen(samples, keep_all=True)) != []


def test_the_code_tells_where_the_answers_cannot_be_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hypothesis that fails on a forward pass leaves the word to the code."""

    def failing(_: object) -> None:
        raise ValueError("multiple indices")

    def vjp(g, x):  # type: ignore[no-untyped-def]
        return (g * np.sin(x) * 2,)

    monkeypatch.setattr(naming, "name", failing)
    words = {each.mistake for each in check_vjp(lambda x: np.sin(x) ** 2, vjp, drawn(3)).failed}
    assert "factor-missing" in words


@pytest.mark.parametrize(("check", "mistake"), [
    ("vjp.gradient[0].values", "crash"), ("vjp.gradient[0].values", "swapped"), ("vjp.gradient.linear", None),
    ("vjp.forward.values", "scaled"),
])  # fmt: skip
def test_what_says_enough_or_is_of_no_argument_is_left_as_it_is(check: str, mistake: str | None) -> None:
    """A finding that has a word for the mistake, or that is about no argument, is not looked at further."""
    violation = Violation(fact("shape of", what="x", shape=(2,)), fact("shape", shape=(3,)), mistake=mistake)
    assert naming.explained(SimpleNamespace(), check, violation) is violation  # type: ignore[arg-type]
