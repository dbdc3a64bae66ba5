"""What every method and every function promises, whatever it computes: the lab's contract and `check_vjp` share it.

Who asks finds out what happened to the arguments and to the answer; here it is judged, with the same facts and words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reference.findings import Violation
from reference.wording import Fact, fact

#: Makes a violation of what was due, what came, and the mistake.
Blame = Callable[[Fact, Fact, str], Violation]


#: The circumstances that `in_layout`, `after_any_call` and `twice` tell.
_IN_NO_SINGLE_CALL = frozenset({"in layout", "after any call", "twice"})


def shows_in_one_call(violation: Violation) -> bool:
    """Whether a script with one call can show it: not what takes several calls, nor another memory layout."""
    return _IN_NO_SINGLE_CALL.isdisjoint(each.kind for each in violation.due.more)


def check_unchanged(changed: Sequence[str], blame: Blame) -> None:
    """The arguments are as before the call; ``changed`` names those that are not."""
    if changed:
        names = tuple(changed)
        raise blame(fact("unchanged", names=names), fact("changed", names=names), "mutates-input")


def check_memory(aliases: Sequence[str], *, altered: bool, blame: Blame) -> None:
    """The answer shares no memory with the arguments in ``aliases``, and no later call has ``altered`` it."""
    if aliases:
        raise blame(fact("memory of its own"), fact("view", name=aliases[0]), "aliases-input")
    if altered:
        raise blame(fact("stays"), fact("changed later"), "stateful")


def in_layout(violation: Violation, layout: str) -> Violation:
    """The violation, where the answer is right in the plain memory layout and wrong, or none, in this one.

    A script would show nothing, since an array that is written out has the plain layout. Numpy raises a ValueError
    where somebody writes into an array that is read-only.
    """
    refused = layout in {"read-only", "broadcast"} and violation.came.fields.get("error") == "ValueError"
    mistake = "mutates-input" if refused else "layout-dependent"
    return violation.but(due=violation.due.and_("in layout", layout=layout), mistake=mistake, repro=None)


def after_any_call(violation: Violation) -> Violation:
    """The violation, where the answer is right at first and wrong after other calls; one call does not show it."""
    return violation.but(due=violation.due.and_("after any call"), mistake="stateful", repro=None)


def twice(violation: Violation) -> Violation:
    """The violation, where the second answer to the same call differs from the first."""
    return violation.but(due=violation.due.and_("twice"), mistake="nondeterministic", repro=None)
