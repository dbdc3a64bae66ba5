"""``loss, gradients = loss_and_grads(params)``: a number, and its gradients in the structure of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from reference.findings import Findings, Violation
from reference.gradients import arguments
from reference.gradients.doors.adapter import Adapter
from reference.gradients.doors.options import Options, judged
from reference.gradients.doors.scripts import Script
from reference.gradients.doors.structure import Arrays, Structure
from reference.wording import fact


def check_gradient(
    loss_and_grads: Callable[[Any], tuple[Any, Any]], params: Any, **options: Unpack[Options]
) -> Findings:
    """Judge a function that answers a loss and its gradients.

    Parameters
    ----------
    loss_and_grads
        ``loss_and_grads(params) -> (loss, gradients)``: a number, and gradients in the structure of ``params``. In a
        dict the gradient of ``W`` may also be called ``dW`` or ``grad_W``.
    params
        An array, or a dict, list or tuple of arrays, also nested. They serve as a pattern: further parameters of the
        same shapes are drawn.
    options
        See `reference.gradients.doors.options.Options`. ``spec(params)`` is the loss alone.

    Returns
    -------
    Findings
        As of `reference.check_vjp`.

    Raises
    ------
    TypeError, ValueError
        As `reference.check_vjp`.

    Examples
    --------
    >>> import numpy as np
    >>> X, t = np.array([[1.0, 2.0], [3.0, 5.0], [0.5, -1.0]]), np.array([1.0, 0.0, 2.0])
    >>> def mean_square(params):
    ...     error = X @ params["w"] + params["b"] - t
    ...     return (error**2).mean(), {"w": 2 * X.T @ error / 3, "b": 2 * error.sum()}
    >>> findings = check_gradient(mean_square, {"w": np.array([0.5, -0.5]), "b": 0.1})
    >>> print(findings.failed[0].mistake)
    scaled
    """
    arguments.check_callable("loss_and_grads", loss_and_grads)
    arrays = Arrays(lists=False)
    template = arrays.template(params, "params")
    if not arrays.found:
        raise ValueError(f"params: expected an array, or a structure that holds some, got {type(params).__name__}")
    adapter = Adapter(
        Structure(template, tuple(arrays.names)),
        tuple(arrays.found),
        lambda given: _two(loss_and_grads(given))[0],
        lambda _, given: _two(loss_and_grads(given))[1],
        (loss_and_grads, loss_and_grads),
    )
    script = Script.of(adapter.named, "{forward}(args)", "{forward}(args)")
    return judged(adapter, options, script, takes_cotangent=False)


def _two(answer: Any) -> tuple[Any, Any]:
    """The loss and the gradients in an answer; raises a violation unless there are these two."""
    due = fact("loss and gradients")
    if not isinstance(answer, tuple | list):
        raise Violation(due, fact("type", name=type(answer).__name__), mistake="wrong-type")
    if len(answer) != 2:  # noqa: PLR2004 - the loss and the gradients
        raise Violation(due, fact("several", name=type(answer).__name__, count=len(answer)), mistake="wrong-type")
    return answer[0], answer[1]
