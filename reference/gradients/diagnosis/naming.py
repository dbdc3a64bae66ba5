"""From a failed check to the word of its mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from reference.findings import Violation
from reference.gradients.context import Context
from reference.gradients.diagnosis import composite, families, inside, loops, masks, replaced, unshared, variants, whole
from reference.gradients.diagnosis.named import Named
from reference.gradients.diagnosis.samples import Samples, gather
from reference.gradients.repair import Repair, repaired

#: Words that say no more than that numbers or a shape are wrong: something more exact is looked for.
_SAYS_LITTLE = frozenset({None, "scaled", "sign", "wrong-shape"})


_PLACES = frozenset({"shifted", "flipped"})
_ONE_PLACE = frozenset({"entry-wrong", "row-wrong", "last-sample-wrong"})
_MASKS = frozenset({"mask-missing", "mask-inverted", "mask-from-other", "mask-from-delta", "mask-wrong-threshold"})
#: Words by the answers alone, each with those that say more of the same mistake where the code shows them.
_MORE_IN_CODE = {
    "wrong-argument": _PLACES
    | {"extra-factor", "factor-missing", "term-missing", "extra-term", "other-epsilon", "jacobian-diagonal-only"}
    | {"mask-missing", "scaled", "wrong-axis"},
    "transposed": _PLACES,
    "scaled": _PLACES | {"wrong-argument", "averaged-over-batch"},
    "term-missing": _PLACES | _ONE_PLACE | {"not-summed"},
    "factor-missing": _PLACES | _MASKS | {"wrong-argument", "scaled", "extra-term", "extra-factor"},
    "wrong-axis": frozenset({"term-missing", "factor-missing"}),
    "not-summed": frozenset({"jacobian-diagonal-only"}),
    "mask-from-other": frozenset({"mask-wrong-threshold"}),
    # Where a gradient is wrong is not why.
    **dict.fromkeys(_ONE_PLACE, _MASKS | {"wrong-argument", "factor-missing", "not-summed", "extra-term"}),
}


def explained(context: Context, check: str, violation: Violation) -> Violation:
    """The violation with the mistake that explains it, where that is certain.

    Parameters
    ----------
    context
        Of the examination.
    check
        The id of the check that failed: of the values, the consistency or the form of one gradient.
    violation
        What was found.
    """
    number = _argument(check, violation)
    if number is None or violation.mistake not in _SAYS_LITTLE:
        return violation
    position = context.pattern.differentiable.index(number)
    with np.errstate(all="ignore"):
        samples = gather(context, position)
        found = None if samples is None else _by_answers(samples)
    came = violation.came
    if found is not None and found.constants and not any(each.kind == "one factor" for each in came.more):
        came = came.and_("estimated", constants=found.constants)
    repair = None if samples is None else repaired(context, position)
    if repair is not None:
        came = came.and_(
            "in code", file=repair.file, line=repair.line, source=repair.source, expression=repair.expression
        )
    word = found.word if found is not None else None
    is_mean = repair is not None and repair.word == "averaged-over-batch"
    if word is None or word != violation.mistake or is_mean:
        word = _of_two(word, None if repair is None else _of_code(repair, word))
    if word is None:
        return violation
    words = (word,) if violation.mistake in {None, word} else (word, violation.mistake)
    return violation.but(came=came, mistake=word, mistakes=words)


def _by_answers(samples: Samples) -> Named | None:
    """As `name`; None as well where a hypothesis cannot do with this forward pass: the code may tell all the same."""
    try:
        return name(samples)
    except Exception:  # steps of foreign code, evaluated at numbers that they may not take
        return None


def _of_code(repair: Repair, of_answers: str | None) -> str:
    """The word by the code; an array that is another one by its name, and by the answers, is no missing factor."""
    is_other = of_answers == "wrong-argument" and repair.word == "factor-missing" and repair.is_renamed
    return "wrong-argument" if is_other else repair.word


def _of_two(of_answers: str | None, of_code: str | None) -> str | None:
    """The word for a mistake by what reproduces the answers, and by what repairs the code."""
    if of_answers is None or of_code is None:
        return of_answers or of_code or None
    if of_answers == "finite-differences" and of_code:
        return of_code  # answers that are as near to the truth as those of a large step
    if of_code == "" and of_answers == "wrong-argument":
        return None  # a function too many, for which there is no word
    return of_code if of_code in _MORE_IN_CODE.get(of_answers, ()) else of_answers


def name(samples: Samples) -> Named | None:
    """The mistake that reproduces all answers; None where there is none, or where two have different words.

    Simple mistakes come first: where one of them reproduces all answers, a mistake deep in the formula that comes to
    the same is the same mistake in other words.
    """
    if samples.are_of_one_shape and samples.agree(samples.truths):
        return None  # wrong in other cases alone
    for level in _levels(samples):
        found = list(level(samples))
        if found and not (found[0].word == "finite-differences" and _is_shifted(samples)):
            words = {each.word for each in found}
            return found[0] if len(words) == 1 else _simplest(found)
    return None


def _is_shifted(samples: Samples) -> bool:
    """Whether another epsilon reproduces the answers exactly: then they are no differences."""
    return samples.is_traced and any(True for test in (inside.shifted, composite.other_epsilon) for _ in test(samples))


def _levels(samples: Samples) -> Iterator[Callable[[Samples], Iterator[Named]]]:
    yield _first_of_whole
    if not samples.are_of_one_shape:
        return
    if samples.is_traced:
        yield loops.explanations
        yield _of_formula
    yield _of_place
    if samples.is_traced:
        yield masks.explanations
        yield families.explanations
        yield replaced.explanations
        yield variants.explanations
        yield unshared.explanations
        yield _imprecise


def _of_formula(samples: Samples) -> Iterator[Named]:
    turned = whole.of_turned_cotangent(samples)
    if turned is not None:
        yield turned
    yield from inside.explanations(samples)
    yield from inside.shifted(samples)
    yield from composite.explanations(samples)


def _of_place(samples: Samples) -> Iterator[Named]:
    found = whole.in_one_place(samples)
    if found is not None:
        yield found


def _first_of_whole(samples: Samples) -> Iterator[Named]:
    found = next(whole.explanations(samples), None)
    if found is not None:
        yield found


def _imprecise(samples: Samples) -> Iterator[Named]:
    found = whole.imprecise(samples)
    if found is not None:
        yield found


#: Of several words for the same change, the one that says what to look for first.
_ORDER = (
    "mask-missing", "mask-from-delta", "mask-inverted", "mask-from-other", "leaky", "last-sample-wrong",
    "not-summed", "transposed", "term-missing", "wrong-axis", "sign", "scaled", "factor-missing", "wrong-argument",
    "mask-wrong-threshold", "other-epsilon", "delta-next-ignored",
)  # fmt: skip


def _simplest(found: list[Named]) -> Named | None:
    words = {each.word for each in found}
    exact = next((each for each in found if each.is_exact), None)
    if exact is not None:
        return exact
    if {
        "sign",
        "mask-missing",
    } <= words and "term-missing" not in words:  # of a choice between an array and its negative
        words.remove("mask-missing")
    return next((each for word in _ORDER if word in words for each in found if each.word == word), None)


def _argument(check: str, violation: Violation) -> int | None:
    """The number of the argument that a check is about, or whose gradient has another shape."""
    head, _, promise = check.rpartition(".")
    if check == "vjp.gradient.answers" and violation.mistake == "wrong-shape":
        head, promise = f"vjp.{violation.due.fields.get('what', '')}", "types"
    if promise not in {"values", "consistent", "types"} or not head.startswith("vjp.gradient["):
        return None
    return int(head.removeprefix("vjp.gradient[").removesuffix("]"))
