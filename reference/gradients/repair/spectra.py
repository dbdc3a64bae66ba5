"""Edits of complex numbers: their conjugates, and the transforms of Fourier."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View

#: Each transform of complex numbers and its inverse.
_INVERSES = {"fft": "ifft", "ifft": "fft", "fft2": "ifft2", "ifft2": "fft2", "fftn": "ifftn", "ifftn": "fftn"}
_CONJUGATES = frozenset({"conj", "conjugate"})


def conjugates(view: View) -> Iterator[Edit]:
    """A conjugate that is missing, or not due."""
    for place in view.places:
        node = place.node
        if called_name(node) in _CONJUGATES and isinstance(node, ast.Call):
            inner = node.args[0] if node.args else getattr(node.func, "value", None)
            if isinstance(inner, ast.expr):
                yield Edit(place, "sign", 1.0, inner)
        elif _is_complex(place) and isinstance(node, ast.Name | ast.Call | ast.Subscript | ast.BinOp):
            cost = 1.1 if isinstance(node, ast.Name) else 1.2
            yield Edit(place, "sign", cost, b.numpy("conj", node))


def transforms(view: View) -> Iterator[Edit]:
    """The transform where its inverse or its adjoint is due, or the other way round."""
    for place in view.places:
        node = place.node
        inverse = _INVERSES.get(called_name(node))
        if inverse is None or not _is_complex(place) or not isinstance(node, ast.Call):
            continue
        func = b.attribute(node.func.value, inverse) if isinstance(node.func, ast.Attribute) else None
        options = [each for each in node.keywords if each.arg != "norm"]
        # The inverse divides by the number of entries, and the transform does not; with the factors of each other they
        # have the same entries in the other direction.
        for norm, word in (("backward", "wrong-function"), ("forward", "flipped")):
            chosen = [*options, ast.keyword("norm", ast.Constant(value=norm))]
            new = ast.Call(func or b.function(f"fft.{inverse}"), node.args, chosen)
            yield Edit(place, word, 1.0, new)


def _is_complex(place: Place) -> bool:
    return isinstance(place.value, np.ndarray) and place.value.dtype.kind == "c"
