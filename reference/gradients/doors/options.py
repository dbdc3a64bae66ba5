"""The options that all doors have, and the call that they all make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from reference.engine import Effort
from reference.findings import Findings
from reference.gradients import check
from reference.gradients.doors.adapter import Adapter
from reference.gradients.doors.scripts import Script
from reference.gradients.doors.translation import translated


class Options(TypedDict, total=False):
    """The options that all doors have.

    Attributes
    ----------
    spec
        The definition to hold the functions against, each on its own. It takes what the forward pass takes, on torch
        tensors or on numpy arrays, which is found out by trying. An input at which it is not finite, or raises, is
        outside the contract. Without it the forward pass is taken for right, the gradient is held against it, and an
        input at which it is not finite, or raises, is left out. How many are left out is said. If it is more than half
        of those that are drawn, inputs near the given ones are judged instead, which is said too; if those are not
        legal either, or ``draw`` has drawn them, the check is skipped.
    domain
        The open interval ``(low, high)`` in which the entries of each argument are legal, or None: one entry for each
        argument, or for each parameter, in the structure of these. One pair of numbers alone is the interval of all.
    legal
        A predicate on what the forward pass takes: whether it is legal, as of a matrix that can be inverted. What is
        not is drawn anew, or left out.
    fixed
        The numbers of arguments that are held as given, such as one-hot targets and masks: ``(1,)`` for the second.
    draw
        ``draw(rng)`` gives legal arguments from a `numpy.random.RandomState`, in the structure and shapes of the given
        ones. Then nothing else is drawn: for positive definite matrices, say.
    owns
        Whether a view as an answer is a fault: of an argument, of the cotangent, or of another gradient.
    seed
        The same seed draws the same cases.
    effort
        How many cases: quick, normal or exhaustive.
    only
        The checks to make, with what they depend on: patterns of ids or names, as `reference.engine.select` takes them.
    budget
        Seconds after which no further check is begun; those that are left are "skipped", and say so.
    progress
        ``progress(done, total, check)``, called before each check with its id, and once at the end with "".
    """

    spec: Callable[..., Any] | None
    domain: Sequence[Any] | dict[Any, Any] | None
    legal: Callable[..., Any] | None
    fixed: Sequence[int]
    draw: Callable[..., Any] | None
    owns: bool
    seed: int
    effort: Effort
    only: str
    budget: float | None
    progress: Callable[[int, int, str], Any] | None


def judged(adapter: Adapter, options: Any, script: Script | None, *, takes_cotangent: bool = True) -> Findings:
    """The findings about what an adapter has made flat, in the names that its user gives.

    Parameters
    ----------
    adapter
        Of the functions.
    options
        `Options`.
    script
        As in `translated`.
    takes_cotangent
        As in `reference.gradients.subject.Subject`.
    """
    given = dict(options)
    given["spec"] = adapter.definition(given.get("spec"))
    given["domain"] = adapter.domain(given.get("domain"))
    given |= adapter.inputs(given.get("legal"), given.get("fixed", ()), given.get("draw"))
    found = check.check_vjp(adapter.forward, adapter.vjp, *adapter.arrays, takes_cotangent=takes_cotangent, **given)
    return translated(found, adapter, script, takes_cotangent=takes_cotangent)
