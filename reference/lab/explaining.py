"""Finds out which mistakes explain a failed check: known ones, several on top of each other, or the method's behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from reference.engine import Check
from reference.findings import NotApplicable, Violation
from reference.lab.checks import promises
from reference.lab.composition import composed, observed
from reference.lab.context import Context
from reference.lab.contract import Case, Message
from reference.lab.diagnosis import certain, explanations
from reference.lab.mistakes import CATALOGUE, Mistake

Run = Callable[[Context], None]


class Explainer:
    """Explains the violations of one examination.

    Parameters
    ----------
    context
        Whose log holds the answers of the check that has just failed.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._found: dict[str, list[Mistake]] = {}

    def explained(
        self, check: Check, violation: Violation, kept: Mapping[str, Run]
    ) -> tuple[Violation, str | None]:
        """The violation with the mistakes that explain it, and a hint; without either where nothing is certain.

        Parameters
        ----------
        check
            Failed with ``violation``.
        kept
            Checks that were passed before, by id.
        """
        mistake = self._known(check.subject, check.run, self.context, violation, kept)
        words = mistake.words if mistake else ()
        if violation.mistake == "stateful" and violation.asked is not None:
            words = (*(words or ("stateful",)), *self._when_primed(check, violation))
        if mistake is None:
            return (violation.but(mistakes=words) if words else violation), None
        came = violation.came
        if mistake.estimated:
            came = came.and_("estimated", constants=tuple(mistake.estimated.items()))
        return violation.but(mistake=mistake.word, mistakes=tuple(dict.fromkeys(words)), came=came), mistake.hint

    def _known(
        self, subject: str, run: Run, context: Context, violation: Violation, kept: Mapping[str, Run]
    ) -> Mistake | None:
        """The mistake that explains a violation, or None: listed ones come first, then what is composed of them."""
        # What explains one check of a method probably explains the next.
        before = self._found.setdefault(subject, [])
        listed = [each for each in CATALOGUE if each.subject == subject and each not in before]
        for candidates in (partial(list, before), partial(list, listed), partial(self._composed, context, violation)):
            found = explanations(candidates(), run, context, violation, kept)
            if found:
                before += [each for each in found if each not in before]
                return certain(found)
        return None

    def _composed(self, context: Context, violation: Violation) -> list[Mistake]:
        message = _message(violation)
        return [] if message is None else composed(observed(context.log, message), message)

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


def _message(violation: Violation) -> Message | None:
    """The message of the call that shows a violation, if it is one of a layer."""
    asked = violation.asked
    if isinstance(asked, tuple) and isinstance(asked[0], Message) and isinstance(asked[1], Case):
        return asked[0]
    return None
