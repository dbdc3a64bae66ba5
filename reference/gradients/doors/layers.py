"""``out, cache = forward(*args)`` with ``grads = backward(dout, cache)``, and objects with these two methods."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Unpack

from reference.findings import Findings, Violation
from reference.gradients import arguments
from reference.gradients.doors import objects
from reference.gradients.doors.adapter import Adapter
from reference.gradients.doors.options import Options, judged
from reference.gradients.doors.scripts import Script
from reference.gradients.doors.structure import Arrays, Structure, places
from reference.wording import fact


def check_layer(
    forward: Any, *args: Any, parameters: Mapping[str, str] | None = None, **options: Unpack[Options]
) -> Findings:
    """Judge a layer: a forward pass that leaves a cache, and a backward pass that uses it.

    There are two forms: ``check_layer(forward, backward, *args)`` for functions, ``check_layer(layer, *args)`` for an
    object.

    Parameters
    ----------
    forward
        ``out, cache = forward(*args)``; with several outputs the cache comes last. Or an object whose
        ``forward(*args)`` (or call) answers the output alone, or the output and a cache. Each call is made on a copy of
        the object, so that nothing is remembered from one to the next.
    backward
        ``grads = backward(dout, cache)``: an array for one argument, a tuple with one gradient for each argument, or a
        dict of them by the arguments' names (``x`` or ``dx``). With several outputs the cotangents come first, then
        the cache. The ``backward`` of an object is called as ``backward(dout)``, or with the cache if ``forward`` gave
        one.
    args
        Arrays, or structures of them, as the pattern. Numbers, strings and dicts with strings, None or booleans in them
        are settings: they are passed on as given and have no gradient.
    parameters
        Of an object: the names of the attributes with parameters, each with the name of the attribute that has its
        gradient after ``backward``. If it is not given they are searched: ``W`` with ``dW``, ``grad_W`` or ``W_grad``;
        dicts or lists called ``params`` and ``grads``; and attributes that have a ``grad`` themselves. An array
        without a gradient is then a finding of its own, which is "skipped".
    options
        See `reference.gradients.doors.options.Options`. ``spec`` takes what ``forward`` takes and answers the outputs
        alone; for an object it takes the parameters after the arguments, by their names.

    Returns
    -------
    Findings
        As of `reference.check_vjp`.

    Raises
    ------
    TypeError, ValueError
        As `reference.check_vjp`; or the object has no ``forward`` or no ``backward``, or not the ``parameters``.

    Examples
    --------
    >>> import numpy as np
    >>> def affine_forward(x, w, b):
    ...     return x @ w + b, (x, w)
    >>> def affine_backward(dout, cache):
    ...     x, w = cache
    ...     return dout @ w.T, x.T @ dout, dout.mean(axis=0)
    >>> findings = check_layer(affine_forward, affine_backward, np.ones((4, 3)), np.ones((3, 2)), np.ones(2))
    >>> print(findings.failed[0].check, findings.failed[0].mistake)
    vjp.gradient[2].consistent averaged-over-batch
    """
    if objects.is_layer(forward):
        return objects.check_object(forward, args, parameters, options)
    arguments.check_callable("forward", forward)
    if not args:
        raise TypeError("backward: expected a function, or a layer with forward and backward; got nothing")
    arguments.check_callable("backward", args[0])
    return _check_pair(forward, args[0], args[1:], options)


def _check_pair(
    forward: Callable[..., Any], backward: Callable[..., Any], args: tuple[Any, ...], options: Options
) -> Findings:
    arrays = Arrays(numbers=False)
    template = tuple(arrays.template(each, f"args[{number}]") for number, each in enumerate(args))
    if not arrays.found:
        raise ValueError("args: expected at least one array to call forward with, got none")
    names = _parameter_names(forward)

    def vjp(cotangent: Any, given: tuple[Any, ...]) -> Any:
        outputs, cache = parted(forward(*given))
        cotangents = cotangent if isinstance(outputs, tuple) else (cotangent,)
        return in_order(template, names, backward(*cotangents, cache))

    adapter = Adapter(
        Structure(template, tuple(arrays.names)),
        tuple(arrays.found),
        lambda given: parted(forward(*given))[0],
        vjp,
        (forward, backward),
    )
    script = Script.of(adapter.named, "{forward}(*args)", "*_, cache = {forward}(*args)\n{vjp}(cotangent, cache)")
    return judged(adapter, options, script)


def parted(answer: Any) -> tuple[Any, Any]:
    """The output and the cache in an answer of ``forward``; several outputs are a tuple."""
    if not isinstance(answer, tuple | list) or len(answer) <= 1:
        raise Violation(fact("output and cache"), fact("type", name=type(answer).__name__), mistake="wrong-type")
    *outputs, cache = answer
    return (outputs[0] if len(outputs) == 1 else tuple(outputs)), cache


def in_order(template: tuple[Any, ...], names: tuple[str, ...], answer: Any) -> tuple[Any, ...]:
    """The gradients in an answer of ``backward``, one for each argument that is differentiated."""
    wanted = [number for number, each in enumerate(template) if places(each)]
    if isinstance(answer, Mapping) and not isinstance(template[wanted[0]], Mapping):
        return tuple(_under(answer, names[number] if number < len(names) else "") for number in wanted)
    if len(wanted) == 1 and not (isinstance(answer, tuple | list) and len(answer) in {1, len(template)}):
        return (answer,)
    return tuple(answer) if isinstance(answer, tuple | list) else (answer,)


def _under(answer: Mapping[Any, Any], name: str) -> Any:
    for each in (name, f"d{name}", f"grad_{name}", f"{name}_grad"):
        if each in answer:
            return answer[each]
    due = fact("keys", names=f"{name!r} or {'d' + name!r}")
    came = fact("type", name=f"a dict with the keys {', '.join(map(repr, answer))}")
    raise Violation(due, came, mistake="wrong-type")


def _parameter_names(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()
