"""Ways to break one promise of a right method and, as far as can be, no other.

Each takes the right method, called by keyword, and gives a wrong one. They are named after the check that must see it,
and none breaks what that check depends on.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.spoiling import in_order

Method = Callable[..., Any]


def _first(answer: Any) -> Any:
    return answer[0] if isinstance(answer, list) else answer


def _changed(answer: Any, change: Callable[[Any], Any]) -> Any:
    """The answer with its first array changed."""
    return [change(answer[0]), *answer[1:]] if isinstance(answer, list) else change(answer)


def _when(condition: Callable[[dict[str, Any]], bool], change: Callable[[Any], Any]) -> Callable[[Method], Method]:
    """Wrong only for the questions that meet the condition."""

    def sabotage(method: Method) -> Method:
        @functools.wraps(method)
        def wrong(self: Any, **given: Any) -> Any:
            due = condition(given)
            answer = method(self, **given)
            return _changed(answer, change) if due else answer

        return wrong

    return sabotage


def _always(change: Callable[[Any], Any]) -> Callable[[Method], Method]:
    return _when(lambda given: True, change)


def _off(answer: Any) -> Any:
    """A thousandth more, everywhere."""
    return np.where(answer == 0, 1e-3, answer * np.asarray(1.001, answer.dtype))


def _arrays(given: dict[str, Any]) -> list[Any]:
    return list(given.values())


def _rows(given: dict[str, Any]) -> int:
    return len(_arrays(given)[0])


def _largest(given: dict[str, Any]) -> float:
    """Of what the answer is linear in: ``X`` of forward, ``delta_next`` of delta and grad."""
    return float(np.abs(_arrays(given)[-1]).max())


def _inputs_unchanged(method: Method) -> Method:
    def wrong(self: Any, **given: Any) -> Any:
        answer = method(self, **given)
        _arrays(given)[-1][0, 0] += 1
        return answer

    return wrong


def _result_is_its_own(method: Method) -> Method:
    """One buffer for all answers of a shape."""
    buffers: dict[Any, Any] = {}

    def wrong(self: Any, **given: Any) -> Any:
        answer = method(self, **given)
        first = _first(answer)
        buffer = buffers.setdefault((id(self), first.shape, first.dtype), np.empty_like(first))
        buffer[...] = first
        return _changed(answer, lambda _: buffer)

    return wrong


def _repeatable(method: Method) -> Method:
    numbers = itertools.count(1)
    return _always(lambda answer: answer * (1 + 1e-6 * next(numbers)))(method)


def _no_state(method: Method) -> Method:
    """Right at an object's first call."""

    def wrong(self: Any, **given: Any) -> Any:
        answer = method(self, **given)
        again = getattr(self, "again", False)
        self.again = True
        return _changed(answer, _off) if again else answer

    return wrong


def _samples_independent(method: Method) -> Method:
    def wrong(self: Any, **given: Any) -> Any:
        return _changed(method(self, **given), lambda answer: answer - answer.mean(axis=0))

    return wrong


def _nan_is_not_hidden(method: Method) -> Method:
    def wrong(self: Any, **given: Any) -> Any:
        return method(self, **{name: np.nan_to_num(array, nan=1.0) for name, array in given.items()})

    return wrong


def _same_label(given: dict[str, Any]) -> bool:
    return len(given["T"]) > 1 and bool((given["T"] == given["T"][0]).all())


def _not_c_contiguous(given: dict[str, Any]) -> bool:
    return not all(array.flags.c_contiguous for array in _arrays(given))


def _order_of_samples(method: Method) -> Method:
    """Gives later samples more weight."""

    def wrong(self: Any, **given: Any) -> Any:
        name = "delta_next" if "delta_next" in given else "X"
        return method(self, **{**given, name: given[name] * (1 + np.arange(len(given[name])))[:, None]})

    return wrong


def _spread(given: dict[str, Any]) -> float:
    with np.errstate(over="ignore"):
        return float(np.ptp(given["X"], axis=1).max())


def _is_tied(given: dict[str, Any]) -> bool:
    X = given["X"]
    return X.shape[1] > 1 and bool((X[:, :1] == X).all())


def _smallest_positive(array: Any) -> float:
    return float(array[array > 0].min()) if (array > 0).any() else 1.0


def _by_position(method: Method) -> Method:
    """Takes its arguments by their names alone."""

    def wrong(self: Any, **given: Any) -> Any:
        return method(self, **given)

    return wrong


def _long_use(method: Method) -> Method:
    """Wrong from the tenth call of an object on."""

    def wrong(self: Any, **given: Any) -> Any:
        self.calls = getattr(self, "calls", 0) + 1
        answer = method(self, **given)
        return _changed(answer, _off) if self.calls > 10 else answer

    return wrong


def _lab_dtypes(method: Method) -> Method:
    """Wrong where dtypes are mixed, those of parameters included."""

    def wrong(self: Any, **given: Any) -> Any:
        arrays = [*_arrays(given), *(getattr(self, name) for name in "Wb" if hasattr(self, name))]
        answer = method(self, **given)
        return _changed(answer, _off) if len({array.dtype for array in arrays}) > 1 else answer

    return wrong


#: By the promise: the last part of a check's id.
_SABOTEURS: dict[str, Callable[[Method], Method]] = {
    "answers": lambda method: lambda self, **given: None,
    "types": _always(lambda answer: answer.astype(np.float16).astype(np.float32)),
    "inputs_unchanged": _inputs_unchanged,
    "result_is_its_own": _result_is_its_own,
    "repeatable": _repeatable,
    "values": _always(lambda answer: answer * (1 + 1e-12) + 1e-300),
    "order_of_samples": _order_of_samples,
    "samples_independent": _samples_independent,
    "averaged": lambda method: lambda self, **given: _changed(method(self, **given), lambda dW: dW * _rows(given)),
    "linear_in_delta_next": lambda method: (
        lambda self, **given: _changed(method(self, **given), lambda answer: answer * np.abs(answer))
    ),
    "small_sizes": _when(lambda given: _rows(given) == 1, _off),
    "single_precision": _when(lambda given: _arrays(given)[0].dtype == np.float32, _off),
    "layouts": _when(_not_c_contiguous, _off),
    "no_state": _no_state,
    "by_position": _by_position,
    "lab_dtypes": _lab_dtypes,
    "long_use": _long_use,
    "any_size": _when(lambda given: _rows(given) > 64, _off),
    "any_magnitude": _when(lambda given: _largest(given) > 1e18, _off),
    "derivative_of_own_forward": _always(lambda answer: 1.001 * answer),
    "one_class": _when(_same_label, _off),
    "large_inputs": _when(lambda given: _largest(given) > 2e7, _off),
    "nan_is_not_hidden": _nan_is_not_hidden,
    "kink": lambda method: (
        lambda self, Y, delta_next: (
            method(self, Y=Y, delta_next=delta_next) + 0.5 * delta_next * (Y == 0) * (len(Y) == 1)
        )
    ),
    "moderate_logits": _when(lambda given: 250 < _spread(given) < 700, _off),
    "tied_logits": _when(_is_tied, _off),
    "shift_invariance": _when(lambda given: 200 < float(given["X"].min()) < 300, _off),
    "saturated_logits": _when(lambda given: 735 < _spread(given) < 742, _off),
    "extreme_logits": _when(lambda given: _spread(given) > 1e299, _off),
    "far_samples": _when(lambda given: float(given["X"].max(axis=1).min()) == -2000, _off),
    "subnormal_logits": _when(lambda given: 0 < _smallest_positive(np.abs(given["X"])) < 1e-300, _off),
    "saturated_outputs": _when(lambda given: float(given["Y"].min()) == 0, _off),
    "tiny_probabilities": _when(lambda given: _smallest_positive(given["X"]) < 1e-40, _off),
    "impossible_target": _when(
        lambda given: bool((given["X"][given["T"] == 1] == 0).any()), lambda loss: 0 * loss + 700
    ),
    "zero_off_target": _when(
        lambda given: float(given["X"].min()) == 0 and given["T"][0, -1] == 1, lambda x: x * np.nan
    ),
    "certain_predictions": _when(
        lambda given: given["X"].shape[1] > 2 and (given["X"].min(), given["X"].max()) == (0, 1), lambda x: x + 1e-15
    ),
}
#: The same, each called by position as well, but for the one that cannot be.
SABOTEURS = {
    promise: make if promise == "by_position" else lambda method, make=make: in_order(make(method), method)
    for promise, make in _SABOTEURS.items()
}
#: The word that the check gives; none where the promise could be broken in many ways.
WORDS = {
    "answers": "not-implemented",
    "types": "wrong-dtype",
    "inputs_unchanged": "mutates-input",
    "result_is_its_own": "stateful",
    "repeatable": "nondeterministic",
    "order_of_samples": "sample-dependence",
    "samples_independent": "sample-dependence",
    "averaged": "not-averaged",
    "small_sizes": "batch-size-dependent",
    "layouts": "layout-dependent",
    "no_state": "stateful",
    "long_use": "stateful",
    "any_size": "batch-size-dependent",
    "by_position": "argument-order",
    "one_class": "sample-dependence",
    "kink": "mask-wrong-threshold",
    "zero_off_target": "log-of-zero",
}
#: Promises that are not about one entry of an answer, so that a failure has no index.
NOWHERE = {
    "answers", "types", "inputs_unchanged", "result_is_its_own", "repeatable", "order_of_samples", "averaged",
    "linear_in_delta_next", "derivative_of_own_forward", "nan_is_not_hidden", "by_position",
}  # fmt: skip
#: Checks that come before and may see the same.
SEEN_BEFORE = {
    "order_of_samples": {"values"},
    "samples_independent": {"values"},
    "averaged": {"values"},
    "linear_in_delta_next": {"values"},
    "derivative_of_own_forward": {"values"},
    "one_class": {"samples_independent", "small_sizes"},
    "kink": {"small_sizes"},
    "tied_logits": {"moderate_logits"},
}
