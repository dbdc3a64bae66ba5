"""Every operation of PyTorch rounded at random, those of a derivative as well, as `random_rounding` does for numpy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from reference.numerics import regimes, tolerances
from reference.numerics.random_rounding import moved

#: Operations of torch whose results are exact: they choose, copy, compare, or change a sign.
_EXACT = frozenset(
    """neg abs relu relu_ maximum minimum max min amax amin sign floor ceil trunc round where cat stack view reshape
    _unsafe_view t transpose permute expand squeeze unsqueeze select slice index index_select gather sort topk clone
    copy_ detach alias lift_fresh lift_fresh_copy as_strided zeros zeros_like ones ones_like empty empty_like full
    full_like new_zeros new_empty fill_ zero_ clamp clamp_min clamp_max scalar_tensor arange
    select_backward slice_backward value_selecting_reduction_backward masked_fill masked_scatter constant_pad_nd
    flip roll diagonal diag_embed tril triu logical_and logical_or logical_not bitwise_and
    bitwise_or bitwise_not isfinite equal nonzero unbind split split_with_sizes sgn isnan isinf _to_copy scatter
    one_hot unfold repeat argmax argmin item _local_scalar_dense eye new_full diagonal_backward index_put
    index_put_""".split()  # noqa: SIM905 - a list of words
)
#: Operations that round their results alone, by a few units: their operands are exact to them.
_BY_ENTRIES = frozenset(
    """add sub rsub mul div reciprocal sqrt rsqrt exp exp2 expm1 log log1p log2 log10 sin cos tan asin acos atan atan2
    sinh cosh tanh asinh acosh atanh pow erf erfc sigmoid log_sigmoid_forward hypot square ldexp add_ sub_ mul_ div_
    exp_ lerp addcmul addcdiv softplus""".split()  # noqa: SIM905 - a list of words
)
#: Special functions of which torch is right to nine digits or so.
_ROUGH = frozenset(
    """digamma polygamma lgamma mvlgamma igamma igammac erfinv i0 special_i0e special_i1 special_i1e zeta special_zeta
    special_ndtri special_log_ndtr special_erfcx special_bessel_j0 special_bessel_j1""".split()  # noqa: SIM905 - a list of words
)


@contextmanager
def random_rounding(rng: np.random.RandomState | None, trail: regimes.Trail) -> Iterator[None]:
    """In the block, every operation of torch is rounded at random, and what leaves its regime is NaN."""
    from torch.utils._python_dispatch import TorchDispatchMode  # noqa: PLC0415 - as torch itself

    class Rounding(TorchDispatchMode):  # type: ignore[misc, no-untyped-call, unused-ignore]
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            return False  # nothing is compiled here; loading the compiler would take a second  # pragma: no mutate

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = func.overloadpacket.__name__
            if name in regimes.COMPARISONS or name == "threshold_backward":
                return _decided(name, func(*args, **(kwargs or {})), args, trail)
            if name in _EXACT or func.is_view:
                return func(*args, **(kwargs or {}))
            return _rounded(func, args, kwargs or {}, rng, trail)

    with Rounding():  # type: ignore[no-untyped-call, unused-ignore]
        yield


def singular() -> type[Exception]:
    """The exception of torch that says that a matrix is singular."""
    import torch  # noqa: PLC0415 - optional and slow to import

    linalg: Any = torch.linalg
    found: type[Exception] = linalg.LinAlgError
    return found


def _decided(name: str, found: Any, args: Any, trail: regimes.Trail) -> Any:
    """The outcome of a comparison, or of the derivative of ReLU, which compares; another one where that is unknown."""
    import torch  # noqa: PLC0415 - optional and slow to import

    if name == "threshold_backward":
        return torch.where(torch.isnan(args[1]), torch.nan, found)
    return torch.from_numpy(trail.decided(name, [_plain(each) for each in args], _plain(found)))


def _rounded(func: Any, args: Any, options: Any, rng: np.random.RandomState | None, trail: regimes.Trail) -> Any:
    """The results of one operation, rounded."""
    import torch  # noqa: PLC0415 - optional and slow to import
    from torch.utils._pytree import tree_map  # noqa: PLC0415 - as torch itself

    name = func.overloadpacket.__name__
    units = tolerances.ROUGH_UNITS if name in _ROUGH else 1.0
    units = max(units, 1.0 if name in _BY_ENTRIES else tolerances.UNITS_OF_WHOLES)
    in_place = name.endswith("_")
    # A function that is written out of others, or adds up, rounds inside: its operands are moved as well.
    if name not in _BY_ENTRIES and not in_place:
        whole = name.startswith(("linalg", "_linalg", "lu_", "cholesky", "triangular_solve"))
        args = tree_map(lambda each: _shaken(each, rng, 1.0, whole=whole), args)
    given = list(args)
    for number, operand in trail.watched(name.rstrip("_"), [_plain(each) for each in args]).items():
        given[number] = torch.from_numpy(np.asarray(operand))
    found = func(*given, **options)
    results = [_plain(each) for each in (found if isinstance(found, tuple) else (found,))]
    if name in regimes.SOLVERS and not trail.is_solved(name, results):
        raise singular()("rounding decides the solution")
    if not in_place:
        return tree_map(lambda each: _shaken(each, rng, units), found)
    if isinstance(found, torch.Tensor) and found.dtype.is_floating_point:
        args[0].copy_(_shaken(found, rng, units))
    return args[0]


def _shaken(value: Any, rng: np.random.RandomState | None, units: float, *, whole: bool = False) -> Any:
    import torch  # noqa: PLC0415 - optional and slow to import

    if not (isinstance(value, torch.Tensor) and value.dtype in {torch.float64, torch.float32}) or not value.numel():
        return value
    if rng is None:
        return value
    array = value.detach().numpy()
    if whole:
        size = np.full(array.shape, np.abs(array).max() * array.shape[-1] if array.ndim else 0.0, array.dtype)
        array = array + (moved(size, rng) - size)
    return torch.from_numpy(np.array(moved(array, rng, units)))


def _plain(value: Any) -> Any:
    import torch  # noqa: PLC0415 - optional and slow to import

    return value.detach().numpy() if isinstance(value, torch.Tensor) else value
