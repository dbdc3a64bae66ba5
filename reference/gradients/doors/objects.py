"""Layers that are objects: their parameters found, and each call made on a copy, so that nothing is remembered."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from reference.findings import Finding, Findings, Violation
from reference.gradients.doors.adapter import Adapter
from reference.gradients.doors.options import judged
from reference.gradients.doors.structure import Arrays, Structure, is_array, places
from reference.wording import fact

#: How people name the gradient of the attribute ``W``.
_SPELLINGS = ("d{}", "grad_{}", "{}_grad", "d_{}", "g{}", "grad{}")
#: How people name a container of parameters, and that of the gradients.
_CONTAINERS = (("params", "grads"), ("parameters", "gradients"), ("params", "gradients"), ("weights", "grads"))


@dataclass(frozen=True)
class Parameter:
    """Where an array of parameters is in a layer, and where its gradient is after ``backward``.

    Attributes
    ----------
    path, gradient
        Attribute names, keys and numbers, one after the other.
    """

    path: tuple[Any, ...]
    gradient: tuple[Any, ...]

    @property
    def name(self) -> str:
        """How a user writes it."""
        return "layer." + str(self.path[0]) + "".join(f"[{each!r}]" for each in self.path[1:])


def is_layer(value: Any) -> bool:
    """Whether it is an object with a ``backward``, and no class or function."""
    return callable(getattr(value, "backward", None)) and not isinstance(value, type)


def check_object(layer: Any, args: tuple[Any, ...], said: Mapping[str, str] | None, options: Any) -> Findings:
    """The findings about a layer; as `reference.check_layer`."""
    forward = _forward_of(layer)
    if not args:
        raise ValueError("args: expected at least one array to call forward with, got none")
    found = _found(layer, args) if said is None else _said(layer, said)
    arrays = Arrays(numbers=False)
    template = tuple(arrays.template(each, f"args[{number}]") for number, each in enumerate(args))
    arrays.numbers = True
    values = tuple(arrays.template(_at(layer, each.path), each.name) for each in found)
    if not arrays.found:
        raise ValueError("args: expected at least one array to call forward with, got none")

    def prepared(given: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        one = copy.deepcopy(layer)
        for each, value in zip(found, given[len(args) :], strict=True):
            _put(one, each.path, value)
        return one, given[: len(args)]

    def ask_forward(given: tuple[Any, ...]) -> Any:
        one, inputs = prepared(given)
        return _output_and_cache(one, forward(one)(*inputs))[0]

    def ask_vjp(cotangent: Any, given: tuple[Any, ...]) -> Any:
        one, inputs = prepared(given)
        _, cache = _output_and_cache(one, forward(one)(*inputs))
        answer = one.backward(cotangent, *cache)
        return (*_of_inputs(answer, template), *(_gradient(one, each) for each in found))

    adapter = Adapter(
        Structure((*template, *values), tuple(arrays.names)),
        tuple(arrays.found),
        ask_forward,
        ask_vjp,
        (_method(layer, "forward"), _method(layer, "backward")),
    )
    spec = options.get("spec")
    if callable(spec):
        options = options | {"spec": _with_parameters(spec, len(args), found)}
    findings = judged(adapter, options, None)
    return Findings([*findings, *(_without_gradient(layer, name) for name in _left_over(layer, found) if said is None)])


def _with_parameters(spec: Callable[..., Any], count: int, found: list[Parameter]) -> Callable[..., Any]:
    names = [str(each.path[-1]) for each in found]
    if all(name.isidentifier() for name in names):
        return lambda *given: spec(*given[:count], **dict(zip(names, given[count:], strict=True)))
    return spec


def _forward_of(layer: Any) -> Callable[[Any], Callable[..., Any]]:
    if callable(getattr(layer, "forward", None)):
        return lambda one: one.forward
    if callable(layer):
        return lambda one: one
    raise TypeError(f"layer: expected an object with forward and backward, got {type(layer).__name__} without forward")


def _method(layer: Any, name: str) -> Any:
    """What to call a method in findings: ``Class.method``."""

    def known() -> None: ...

    known.__qualname__, known.__module__ = f"{type(layer).__qualname__}.{name}", type(layer).__module__
    return known


def _output_and_cache(layer: Any, answer: Any) -> tuple[Any, tuple[Any, ...]]:
    """The output, and the cache if ``backward`` takes one."""
    if isinstance(answer, tuple) and len(answer) > 1 and _takes_cache(layer):
        *outputs, cache = answer
        return (outputs[0] if len(outputs) == 1 else tuple(outputs)), (cache,)
    return answer, ()


def _takes_cache(layer: Any) -> bool:
    """Whether ``backward`` cannot be called with a cotangent alone."""
    try:
        parameters = inspect.signature(layer.backward).parameters.values()
    except (TypeError, ValueError):
        return False
    by_place = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    return sum(each.kind in by_place and each.default is each.empty for each in parameters) > 1


def _of_inputs(answer: Any, template: tuple[Any, ...]) -> tuple[Any, ...]:
    """The gradients of the inputs in what ``backward`` answers."""
    wanted = [each for each in template if places(each)]
    if not wanted:
        return (None,) * len(template)
    given = tuple(answer) if isinstance(answer, tuple | list) and len(wanted) > 1 else (answer,)
    if len(wanted) == 1 and isinstance(answer, tuple) and len(answer) == 1:
        given = answer
    if len(given) != len(wanted):
        due = fact("gradients", count=len(wanted))
        raise Violation(due, fact("several", name=type(answer).__name__, count=len(given)), mistake="wrong-type")
    parts = iter(given)
    return tuple(next(parts) if places(each) else None for each in template)


# Parameters


def _said(layer: Any, said: Mapping[str, str]) -> list[Parameter]:
    found = []
    for name, gradient in said.items():
        if not is_array(getattr(layer, name, None)) and not isinstance(getattr(layer, name, None), float):
            raise ValueError(f"parameters: expected names of attributes with arrays, got {name!r}")
        found.append(Parameter((name,), (gradient,)))
    return found


def _found(layer: Any, args: tuple[Any, ...]) -> list[Parameter]:
    """The parameters whose gradients a backward pass leaves in the layer, found by making one on a copy."""
    before, after = _attributes(layer), _attributes(_after_backward(layer, args))
    for one, other in _CONTAINERS:
        if one in before and other in after:
            pairs = _in_containers(one, before[one], other, after[other])
            if pairs:
                return pairs
    found = []
    for name, value in before.items():
        spelled = next((form.format(name) for form in _SPELLINGS if form.format(name) in after), None)
        if _is_floating(value) and spelled is not None:
            found.append(Parameter((name,), (spelled,)))
        elif hasattr(after.get(name), "grad"):
            inner = next(
                (each for each in ("data", "value", "values") if _is_floating(getattr(value, each, None))), None
            )
            found += [Parameter((name, Attribute(inner)), (name, Attribute("grad")))] if inner else []
    return found


class Attribute(str):
    """In a path: the name of an attribute, where a string would be a key."""

    __slots__ = ()


def _in_containers(one: str, values: Any, other: str, gradients: Any) -> list[Parameter]:
    if isinstance(values, Mapping) and isinstance(gradients, Mapping):
        pairs = []
        for key, value in values.items():
            forms = (key, *(form.format(key) for form in _SPELLINGS if isinstance(key, str)))
            spelled = next((each for each in forms if each in gradients), None)
            if _is_floating(value) and spelled is not None:
                pairs.append(Parameter((one, key), (other, spelled)))
        return pairs
    if isinstance(values, list | tuple) and isinstance(gradients, list | tuple) and len(values) == len(gradients):
        return [Parameter((one, n), (other, n)) for n, value in enumerate(values) if _is_floating(value)]
    return []


def _attributes(layer: Any) -> dict[str, Any]:
    slots = [name for kind in type(layer).__mro__ for name in getattr(kind, "__slots__", ())]
    return getattr(layer, "__dict__", {}) | {name: getattr(layer, name) for name in slots if hasattr(layer, name)}


def _after_backward(layer: Any, args: tuple[Any, ...]) -> Any:
    """A copy of the layer after a forward and a backward pass; as far as these come."""
    one = copy.deepcopy(layer)
    with suppress(Exception), np.errstate(all="ignore"):  # what goes wrong is for the checks to find out
        output, cache = _output_and_cache(one, _forward_of(layer)(one)(*copy.deepcopy(args)))
        one.backward(np.ones_like(output), *cache)
    return one


def _left_over(layer: Any, found: list[Parameter]) -> list[str]:
    """Attributes with arrays of floating point that are no parameters that were found."""
    known = {each.path[0] for each in found} | {each.gradient[0] for each in found}
    arrays = {id(_at(layer, each.path)) for each in found}
    return [
        name
        for name, value in _attributes(layer).items()
        if _is_floating(value) and name not in known and id(value) not in arrays
    ]


def _without_gradient(layer: Any, name: str) -> Finding:
    reason = fact("array without gradient", name=name)
    subject = f"{type(layer).__qualname__}.backward"
    rationale = "Each parameter has a gradient after the backward pass."
    return Finding(f"vjp.parameters.{name}", subject, "skipped", rationale, actual=str(reason), came=reason)


def _is_floating(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 0


def _step(value: Any, part: Any) -> Any:
    return getattr(value, part) if isinstance(part, Attribute) else value[part]


def _at(layer: Any, path: tuple[Any, ...]) -> Any:
    value = getattr(layer, path[0])
    for part in path[1:]:
        value = _step(value, part)
    return value


def _put(layer: Any, path: tuple[Any, ...], value: Any) -> None:
    """Write into the layer: into the array that is there, or else in its place wherever the layer refers to it."""
    old = _at(layer, path)
    if isinstance(old, np.ndarray) and old.shape == np.shape(value) and old.dtype == np.asarray(value).dtype:
        old[...] = value
    elif isinstance(old, np.ndarray):
        _replace(layer, old, value, set())
    elif len(path) == 1:
        setattr(layer, path[0], value)
    else:
        _at(layer, path[:-1])[path[-1]] = value


def _replace(holder: Any, old: Any, new: Any, seen: set[int]) -> None:
    """Put ``new`` wherever a layer refers to ``old``: ``params`` often lists the arrays of attributes, or of layers."""
    seen.add(id(holder))
    for value, put in _references(holder):
        if value is old:
            put(new)
        elif id(value) not in seen:
            _replace(value, old, new, seen)


def _references(holder: Any) -> list[tuple[Any, Callable[[Any], object]]]:
    """What an object refers to, each with the function that puts something else in its place."""
    if isinstance(holder, dict):
        return [(value, partial(holder.__setitem__, key)) for key, value in holder.items()]
    if isinstance(holder, list):
        return [(value, partial(holder.__setitem__, number)) for number, value in enumerate(holder)]
    if isinstance(holder, tuple):
        return [(value, lambda _: None) for value in holder]
    if isinstance(holder, np.ndarray | type):
        return []
    return [(value, partial(setattr, holder, name)) for name, value in _attributes(holder).items()]


def _gradient(layer: Any, parameter: Parameter) -> Any:
    """The gradient of a parameter after a backward pass."""
    try:
        return _at(layer, parameter.gradient)
    except (AttributeError, LookupError) as error:
        due = fact("gradient left", name=parameter.name)
        raise Violation(due, fact("raised", error=type(error).__name__, said=str(error)), mistake="missing") from error
