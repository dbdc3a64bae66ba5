"""Finds out which mistakes explain a failed check: known ones, several at once, or the method's behaviour."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from reference.engine import Check
from reference.findings import NotApplicable, Violation
from reference.lab import behaviour
from reference.lab.cases import Case
from reference.lab.checks import promises
from reference.lab.composition import composed
from reference.lab.context import Context
from reference.lab.contract import Message
from reference.lab.diagnosis import certain, explanations
from reference.lab.mistakes import CATALOGUE, Mistake
from reference.lab.mistakes.departures import Array
from reference.lab.mistakes.updates import updates
from reference.lab.mistakes.wired_choices import Choice
from reference.lab.mistakes.wired_constants import estimated, terms
from reference.lab.mistakes.wirings import wirings
from reference.lab.observations import Observation, observed
from reference.lab.telling_apart import seen_elsewhere, told_apart
from reference.numerics.compare import alike
from reference.wording import Fact

Run = Callable[[Context], None]
#: Words that a check gives by what it has seen itself; nothing that reproduces values says more.
_SEEN = frozenset({"timeout", "memory", "exits", "missing", "nondeterministic", "mutates-input", "aliases-input"})
#: How far an answer of fewer digits is off at most, as a fraction.
_LAST_DIGITS = 1e-2
#: How many entries must be wrong before a mistake is said to be made in some of the cases only.
_FEWEST_WRONG = 3


class Explainer:
    """Explains the violations of one examination.

    Parameters
    ----------
    context
        Whose log holds the answers of the check that has just failed.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        #: By subject, the mistakes that explain its checks so far, in order.
        self._found: dict[str, dict[Mistake, None]] = {}
        self._behaviour: dict[str, tuple[str, str, str]] = {}

    def explained(self, check: Check, violation: Violation, kept: Mapping[str, Run]) -> tuple[Violation, str | None]:
        """The violation with the mistakes that explain it, and a hint; without either where nothing is certain.

        Parameters
        ----------
        check
            Failed with ``violation``.
        kept
            Checks that were passed before, by id.
        """
        nearly = self._nearly(check.subject, violation)
        if nearly is not None:
            return nearly
        mistake = self._known(check.subject, check.run, self.context, violation, kept)
        if violation.mistake == "stateful" and violation.asked is not None:
            words = (*(mistake.words if mistake else ("stateful",)), *self._when_primed(check, violation))
            violation = violation.but(mistakes=tuple(dict.fromkeys(words)))
        if mistake is not None:
            return _told(violation, mistake), mistake.hint
        if violation.mistake in _SEEN or violation.mistake == "stateful":
            return violation, None
        return self._by_behaviour(check.subject, violation)

    def _nearly(self, subject: str, violation: Violation) -> tuple[Violation, str] | None:
        """The violation of a method whose answers are those of fewer digits, which all its checks may see."""
        message = _message(violation)
        if message is None or violation.came.kind != "entry":
            return None
        if violation.mistake is not None and (subject not in self._behaviour or not _in_last_digits(violation)):
            return None
        if subject not in self._behaviour:
            if self._found.get(subject):
                # A mistake that has been named already may explain this as well.
                return None
            single = any(each.kind == "inputs in single" for each in violation.due.more)
            answers = observed(self.context.log, message)
            found = behaviour.by_errors(self.context, message, answers, differences=False, single=single)
            if found is None:
                return None
            self._behaviour[subject] = (*found, "precision")
        word, constant, name = self._behaviour[subject]
        came = violation.came.and_("estimated", constants=((name, constant),))
        return violation.but(mistake=word, came=came), behaviour.hint_for(word)

    def _known(
        self, subject: str, run: Run, context: Context, violation: Violation, kept: Mapping[str, Run]
    ) -> Mistake | None:
        """The mistake that explains a violation, or None: listed ones come first, then what is composed of them."""
        message, nothing = _message(violation), _says_nothing(context)
        if nothing and message is None:
            return None
        before = self._found.setdefault(subject, {})
        # Two wrong choices that leave the values right would be a rare pair.
        together = 1 if any(name.endswith(".values") for name in kept) else 2
        for candidates in _candidates(subject, context, violation, before, together):
            found = explanations(candidates, run, context, violation, kept)
            if nothing and message is not None:
                found = seen_elsewhere(found, context, message)
            if found and certain(found) is None:
                # Where further calls tell against all of them, another source may know better.
                found = told_apart(found, context)
            if found:
                found = _least(found, _vagueness)
                before |= dict.fromkeys(found)
                return certain(found)
        return None

    def _by_behaviour(self, subject: str, violation: Violation) -> tuple[Violation, str | None]:
        """The violation with the mistake that shows in how the method behaves, if there is one, and a hint."""
        message = _message(violation)
        if violation.mistake is None and behaviour.hides(violation):
            return violation.but(mistake="nan-hidden"), behaviour.hint_for("nan-hidden")
        if message is None or violation.came.kind != "entry":
            return violation, None
        word = behaviour.asked_again(self.context, violation)
        start = word is None and violation.mistake is None
        if start and behaviour.remembers_the_start(self.context, *violation.asked):
            word = "stateful"
        if word is not None:
            return violation.but(mistake=word), behaviour.hint_for(word)
        observations = observed(self.context.log, message)
        # What a check says of the kind of cases is more than how near their answers are.
        if violation.mistake is None:
            found = behaviour.by_errors(self.context, message, observations, differences=True)
            if found is not None:
                self._behaviour[subject] = (*found, "step" if found[0] == "finite-differences" else "precision")
                nearly = self._nearly(subject, violation)
                if nearly is not None:
                    return nearly
        wrong = self._wrong(message, observations)
        row = behaviour.of_one_row(self.context, message, wrong) if violation.mistake is None else None
        if row is not None:
            return violation.but(mistake=row), behaviour.hint_for(row)
        return _in_some_cases(violation, message, wrong)

    def _wrong(self, message: Message, observations: list[Observation]) -> list[Observation]:
        """The answers that are wrong."""
        found = []
        for each in observations:
            truth = self.context.answer(message, each.case).truth
            parts = zip(each.answer, truth, each.bounds, strict=True)
            with np.errstate(all="ignore"):
                if not all((np.abs(a - t.value) <= bound + t.error).all() for a, t, bound in parts):
                    found.append(each)
        return found

    def _when_primed(self, check: Check, violation: Violation) -> tuple[str, ...]:
        """What else is wrong with the answers of a method that needs ``forward`` first, given right after it."""
        message = _message(violation)
        if message is None:
            return ()
        primed = self.context.of(self.context.executor, [], primed=True)
        run: Run = partial(promises.check_values, message=message)
        try:
            run(primed)
        except Violation as other:
            mistake = self._known(check.subject, run, primed, other, {})
            return mistake.words if mistake else ()
        except NotApplicable:
            pass
        return ()


def with_stand_ins(came: Fact, stand_ins: Iterable[str]) -> Fact:
    """What came, with the absent modules that the answers depend on, if it does not tell by itself where it comes from.

    See `reference.execution.worker.standins`.
    """
    names, cause = tuple(stand_ins), came.fields.get("cause")
    if not names or (came.kind == "type" and cause == "stand-in"):
        return came
    if came.kind == "raised" and cause not in {None, "stand-in"}:
        return came  # another cause is certain
    # The cause decides on the hint.
    return Fact(came.kind, {**came.fields, "cause": "stand-in"}, came.more).and_("stand-ins used", names=names)


def _says_nothing(context: Context) -> bool:
    """Whether all answers that were judged are NaN, or one number but for rounding, as many mistakes give."""
    judged = [
        (np.asarray(value, dtype=np.float64), bound)
        for each in context.log
        if each.bounds is not None
        for value, bound in zip(each.values, each.bounds, strict=True)
    ]
    if not any(value.size for value, _ in judged):
        return False
    if all(np.isnan(value).all() for value, _ in judged):
        return True
    first = next(value.flat[0] for value, _ in judged if value.size)
    with np.errstate(invalid="ignore"):
        return all(bool((np.abs(value - first) <= bound).all()) for value, bound in judged)


def _hardly_wrong(context: Context) -> bool:
    """Whether no answer differs from the truth by more than two codings of the right formula may differ."""
    judged = [each for each in context.log if each.bounds is not None]
    for each in judged:
        if each.message is None or each.case is None:
            return False
        truth = [part.value for part in context.answer(each.message, each.case).truth]
        if not alike(each.values, truth, each.bounds):
            return False
    return bool(judged)


def _in_last_digits(violation: Violation) -> bool:
    """Whether a number is off by so little that fewer digits, or differences, are enough to explain it."""
    due, came = float(violation.due.fields.get("value", np.nan)), float(violation.came["value"])
    return abs(came - due) <= _LAST_DIGITS * abs(due)


def _least(mistakes: Sequence[Mistake], size: Callable[[Mistake], Any]) -> list[Mistake]:
    """Those for which ``size`` gives the least."""
    sizes = list(map(size, mistakes))
    return [each for each, its in zip(mistakes, sizes, strict=True) if its == min(sizes)]


def _number_of_words(mistake: Mistake) -> int:
    """Who says more than is needed says what nobody has seen."""
    return len(mistake.words)


def _vagueness(mistake: Mistake) -> tuple[int, bool]:
    """The number of words, and whether they say no more than that the formula is another one."""
    return len(mistake.words), mistake.words == ("wrong-function",)


def _candidates(
    subject: str, context: Context, violation: Violation, before: Mapping[Mistake, None], together: int
) -> Iterator[list[Mistake]]:
    """Mistakes that may explain a violation, those first that probably do.

    Parameters
    ----------
    before
        Those that explain another check of the method.
    together
        How many wrong choices a network may have.
    """
    yield list(before)
    if violation.mistake is None and violation.came.kind == "entry" and _hardly_wrong(context):
        # The right formula in another coding may give these answers, and so may many wrong ones.
        return
    yield [each for each in CATALOGUE if each.subject == subject and each not in before]
    message = _message(violation)
    if message is not None and violation.came.kind == "entry":
        yield composed(observed(context.log, message), message)
    if subject == "LinearLayer.update_params":
        yield _updated(violation)
    if subject.startswith("MLP."):
        for count in range(1, together + 1):
            yield _wired(subject, count, violation, context)


def _updated(violation: Violation) -> list[Mistake]:
    """Wrong ways to update, with a factor that the violation shows."""
    due, came = violation.due, violation.came
    shown = due.kind == "sum" and came.kind == "entry"
    return list(updates((due["old"], due["step"], came["value"]) if shown else None))


def _wired(subject: str, together: int, violation: Violation, context: Context) -> list[Mistake]:
    """Networks with that many wrong choices, such as a factor that the violation shows."""
    constants: list[Choice] = []
    due, came, shown = violation.due, violation.came, violation.counterexample
    if together > 1 and (came.kind != "entry" or violation.mistake is not None):
        return []
    if due.kind == came.kind == "entry" and "X" in shown and "T" in shown:
        sizes = {"N": len(shown["X"]), "D": np.shape(shown["X"])[1], "K": np.shape(shown["T"])[1]}
        constants = estimated(
            subject, float(due["value"]), float(came["value"]), sizes, _last_parts(context), _biases(context)
        )
        parameters = [np.asarray(array) for name, array in shown.items() if name not in {"X", "T"}]
        constants += terms(subject, float(came["value"]) - float(due["value"]), parameters, due["index"])
    return list(wirings(subject, together, constants))


def _last_parts(context: Context) -> list[Array]:
    """The arrays that came last: an answer, or all parts of a gradient."""
    log = list(context.log)
    last = log[-1].values if log else ()
    while log and len(log[-1].values) == 1:
        log.pop()
    parts: list[Any] = []
    while log and len(log[-1].values) == 2:  # noqa: PLR2004 - dW and db of a layer
        parts += log.pop().values
    arrays = [each for each in parts or last if isinstance(each, np.ndarray) and each.dtype.kind == "f"]
    return arrays if len(arrays) == len(parts or last) else []


def _biases(context: Context) -> list[Array]:
    """All vectors that came: for a gradient those of biases."""
    values = (value for each in context.log for value in each.values)
    return [each for each in values if isinstance(each, np.ndarray) and each.ndim == 1 and each.dtype.kind == "f"]


def _in_some_cases(violation: Violation, message: Message, wrong: list[Observation]) -> tuple[Violation, str | None]:
    """The violation with the one mistake that explains all wrong answers, where the others are right."""
    if sum(part.size for each in wrong for part in each.answer) < _FEWEST_WRONG:
        return violation, None
    if not any(np.isfinite(part).any() for each in wrong for part in each.answer):
        return violation, None
    mistake = certain(_least(composed(wrong, message, depth=1), _number_of_words))
    if mistake is None:
        return violation, None
    words = (mistake.words) if violation.mistake is None else (violation.mistake, *mistake.words)
    hint = mistake.hint if violation.mistake is None else None
    return _told(violation.but(mistakes=tuple(dict.fromkeys(words))), mistake), hint


def _told(violation: Violation, mistake: Mistake) -> Violation:
    """The violation with the words of a mistake and the constants that were estimated."""
    words = violation.mistakes or mistake.words
    came = violation.came
    if mistake.estimated:
        came = came.and_("estimated", constants=tuple(mistake.estimated.items()))
    return violation.but(mistake=words[0], mistakes=words, came=came)


def _message(violation: Violation) -> Message | None:
    """The message of the call that shows a violation, if it is one of a layer."""
    asked = violation.asked
    if isinstance(asked, tuple) and isinstance(asked[0], Message) and isinstance(asked[1], Case):
        return asked[0]
    return None
