"""``forward(*args)`` and ``vjp(cotangent, *args)``: arguments and outputs of any structure."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Unpack

import numpy as np

from reference.findings import Findings
from reference.gradients import arguments, check
from reference.gradients.doors.adapter import Adapter
from reference.gradients.doors.options import Options, judged
from reference.gradients.doors.scripts import Script
from reference.gradients.doors.structure import Arrays, Place, Structure


def check_vjp(
    forward: Callable[..., Any],
    vjp: Callable[..., Any],
    *args: Any,
    kwargs: Mapping[str, Any] | None = None,
    **options: Unpack[Options],
) -> Findings:
    """Judge a numpy function and its hand-written gradient.

    Parameters
    ----------
    forward
        ``forward(*args, **kwargs)``: an array, or a tuple or dict of arrays.
    vjp
        ``vjp(cotangent, *args, **kwargs)``: for a cotangent of the output's structure and shapes, a tuple with the
        gradient of <cotangent, output> for each argument, in the argument's structure, shapes and dtype.
    args
        The pattern: arrays of float64 or float32, or dicts, lists and tuples of them, of the shapes that the functions
        are for. They are asked about first; further inputs of the same shapes are drawn. Whole numbers, such as class
        labels, strings, None and booleans are passed on as given. Arrays of whole numbers have the gradient None or
        zeros; for the others the tuple holds None, or nothing at all. Where ``vjp`` answers None for an argument of
        floating point, the argument is taken for constant: it is held as given, and its gradient is not judged, which
        is said.
    kwargs
        Keyword arguments of both functions. They are passed on as given and have no gradient.
    options
        See `reference.gradients.doors.options.Options`.

    Returns
    -------
    Findings
        A list with one `Finding` for each promise, in order of dependency. Where nothing could be judged a finding is
        "skipped", never "passed".

    Raises
    ------
    TypeError
        ``forward``, ``vjp``, ``spec``, ``legal``, ``draw`` or ``progress`` is no function, an argument is no array of
        numbers, ``seed`` is no whole number, ``budget`` is no number.
    ValueError
        There is no argument to differentiate, one is outside its domain or not ``legal``, the domain or ``fixed`` is
        not legal, ``draw`` draws other shapes, ``seed`` is below 0, ``budget`` is not above 0, ``effort`` is none of
        its values, no check matches ``only``, or ``spec`` fails on tensors and arrays alike.

    Examples
    --------
    >>> def tanh_delta(delta_next, X):
    ...     return (delta_next * (1 - np.tanh(X)),)  # where is the square?
    >>> findings = check_vjp(np.tanh, tanh_delta, np.array([0.5, 2.0]))
    >>> print(findings.failed[0].check, findings.failed[0].mistake)
    vjp.gradient[0].consistent factor-missing
    >>> def scaled(params, axis):
    ...     return (params["x"] * params["scale"]).sum(axis)
    >>> def scaled_vjp(c, params, axis):
    ...     c = np.expand_dims(c, axis)
    ...     return ({"x": c * params["scale"], "scale": (c * params["x"]).sum(0)},)
    >>> check_vjp(scaled, scaled_vjp, {"x": np.ones((2, 3)), "scale": np.ones(3)}, 1).ok
    True
    """
    arguments.check_callable("forward", forward)
    arguments.check_callable("vjp", vjp)
    found = _adapter(forward, vjp, args, kwargs or {})
    if found is None:
        plain: Any = options
        return check.check_vjp(forward, vjp, *args, **plain)
    return judged(found, options, _script(found, kwargs or {}))


def _adapter(
    forward: Callable[..., Any], vjp: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Adapter | None:
    """The adapter; None where nothing but arrays comes in and goes out."""
    arrays = Arrays()
    template = tuple(arrays.template(each, f"args[{number}]") for number, each in enumerate(args))
    plain = all(isinstance(each, Place) for each in template) and not kwargs
    if not arrays.found or (plain and _is_plain(_answer(forward, args))):
        return None
    return Adapter(
        Structure(template, tuple(arrays.names)),
        tuple(arrays.found),
        lambda given: forward(*given, **_copied(kwargs)),
        lambda cotangent, given: vjp(cotangent, *given, **_copied(kwargs)),
        (forward, vjp),
    )


def _answer(forward: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """What ``forward`` answers; None where it fails, which is for the checks to find out."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return forward(*(np.array(each) for each in args))
    except (Exception, SystemExit):
        return None


def _is_plain(answer: Any) -> bool:
    return not (isinstance(answer, Mapping) or (isinstance(answer, tuple) and len(answer) > 1))


def _copied(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: copy.deepcopy(value) for name, value in kwargs.items()}


def _script(adapter: Adapter, kwargs: Mapping[str, Any]) -> Script:
    """The lines that call the two functions."""
    more = "".join(f", {name}={value!r}" for name, value in kwargs.items())
    return Script.of(adapter.named, f"{{forward}}(*args{more})", f"{{vjp}}(cotangent, *args{more})")
