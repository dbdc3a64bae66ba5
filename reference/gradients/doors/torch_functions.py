"""A `torch.autograd.Function`: PyTorch itself calls its ``forward`` and its ``backward``."""

from __future__ import annotations

from typing import Any, Unpack

from reference.findings import Findings
from reference.gradients.doors.adapter import Adapter
from reference.gradients.doors.options import Options, judged
from reference.gradients.doors.structure import Arrays, Structure
from reference.gradients.doors.tensors import applied, as_array_if_tensor, pulled_back
from reference.numerics.oracles import torch_autograd

#: Numpy's arrays have other layouts than tensors, and PyTorch takes care of memory itself.
_NO_PROMISE = ("layouts", "result_is_its_own")


def check_function(function: Any, *tensors: Any, **options: Unpack[Options]) -> Findings:
    """Judge a `torch.autograd.Function`.

    Parameters
    ----------
    function
        The subclass of `torch.autograd.Function`; its ``apply`` is called.
    tensors
        What ``apply`` takes: tensors of floating point are the pattern, and everything else is passed on as given.
    options
        See `reference.gradients.doors.options.Options`.

    Returns
    -------
    Findings
        As of `reference.check_vjp`.

    Raises
    ------
    ImportError
        PyTorch is not installed.
    TypeError, ValueError
        As `reference.check_vjp`; or ``function`` has no ``apply``.

    Examples
    --------
    >>> check_function(abs)
    Traceback (most recent call last):
    TypeError: function: expected a subclass of torch.autograd.Function, got abs
    """
    if not callable(getattr(function, "apply", None)):
        name = getattr(function, "__name__", type(function).__name__)
        raise TypeError(f"function: expected a subclass of torch.autograd.Function, got {name}")
    reason = torch_autograd.available()
    if reason:
        raise ImportError(reason)
    arrays = Arrays(numbers=False)
    given = [as_array_if_tensor(each) for each in tensors]
    template = tuple(arrays.template(each, f"args[{n}]") for n, each in enumerate(given))
    if not arrays.found:
        raise ValueError("tensors: expected at least one tensor of floating point, got none")

    adapter = Adapter(
        Structure(template, tuple(arrays.names)),
        tuple(arrays.found),
        lambda values: applied(function, values),
        lambda cotangent, values: pulled_back(function, cotangent, values),
        (_Named(function, "forward"), _Named(function, "backward")),
    )
    found = judged(adapter, options, None)
    return Findings(each for each in found if each.check.rpartition(".")[2] not in _NO_PROMISE)


class _Named:
    """Stands for a method in findings: ``Class.method``."""

    def __init__(self, function: Any, method: str) -> None:
        self.__qualname__ = f"{getattr(function, '__qualname__', 'Function')}.{method}"
        self.__name__, self.__module__ = method, str(getattr(function, "__module__", "your_module"))
