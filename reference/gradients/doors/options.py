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
        tensors or on numpy arrays, which is found out by trying. An input at which it is not finite is outside the
        contract. Without it the forward pass is taken for right, and the gradient is held against differences of it.
    domain
        The open interval ``(low, high)`` in which the entries of each argument are legal, or None: one entry for each
        argument, or for each parameter, in the structure of these.
    seed
        The same seed draws the same cases.
    effort
        How many cases: quick, normal or exhaustive.
    only
        The checks to make, with what they depend on: patterns of ids or names.
    """

    spec: Callable[..., Any] | None
    domain: Sequence[Any] | dict[Any, Any] | None
    seed: int
    effort: Effort
    only: str


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
    found = check.check_vjp(adapter.forward, adapter.vjp, *adapter.arrays, takes_cotangent=takes_cotangent, **given)
    return translated(found, adapter, script, takes_cotangent=takes_cotangent)
