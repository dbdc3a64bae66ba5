"""Code that writers seldom write ends no search for a repair: an exception in one family would take all others away."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from reference.gradients.repair import naming, relations, search
from reference.gradients.repair.operands import operands
from reference.gradients.repair.running import quiet
from tests.repair_views import view_of

pytestmark = pytest.mark.catalogue

#: Each has done harm to some family, or is of a kind that could.
ODD = [
    "v[None, ..., 0]",
    "x[:, 0, ..., None]",
    "x[()] * x[...]",
    "x[-1:, -3:-1:2] + x[[0, 1], [1, 2]].sum() + x[x > limit].sum()",
    "np.transpose(c, axes=np.array([0, 2, 1]))",
    "np.sum(x, axis=np.int64(0)) + x.sum(*[0]) + x.sum(**{'axis': 0})",
    "np.tril(m=s) + np.triu(s, k=1)",
    "np.sum(a=x) + np.max(a=x, axis=0)",
    "np.where(x > limit)[0] * 1.0",
    "np.where(*[x > limit, 1.0, 0.0])",
    "np.roll(*[x, 1]) + np.roll(a=x, shift=1)",
    "np.einsum(x, [0, 1], y, [2, 1], [0, 2]) + np.einsum('ij,kj', x, y)",
    "np.concatenate([v[:2], u, v[2:3]])[2:-1] * 2",
    "p = [x] + [v]; return p[0]",
    "p = [x, v] * 2; return p[0]",
    "p = [None] * 3; p[0] = x; return p[0]",
    "p = [[]] * 2; p[0].append(x); return p[0][0]",
    "p = (x, v, 'a') + (u,); return p[0]",
    "p, *q = x; return p + q[0]",
    "p = {}\nfor k in ['a', 'b']:\n  p[k] = x * len(k)\nreturn p['a'] + p.get('b')",
    "x if x.ndim > 1 and [x, v] is not None else v",
    "sum(a * b for a, b in zip(x, y)) + [a for a in x][0]",
    "e = np.array([x, None], dtype=object); return e[0] * 1.0",
    "e = np.array([], dtype=int); return v[e] + v[e] * 2",
    "e = np.array([-1, 0, 1]); return v[e] * u[e]",
    "np.zeros((0, 4)) * v + np.zeros((0, 4))",
    "x * np.nan + np.inf",
    "(x * 1j).imag * (0 < n < 3)",
    "f = lambda z, axis: z.sum(axis); return f(x, 1)",
    "with np.errstate(all='ignore'):\n  x = x / 0.0\nreturn x",
    "while v.sum() > 1:\n  v = v * limit\nelse:\n  v += 1\nreturn v",
    "for i in range(0):\n  pass\nreturn x",
    "np.pad(x, 1)[n - 1:-1, 1:n + 3]",
    "np.pad(x, 1)[3:-3, 1:5].sum() + v[:0].sum() * v",
    "np.add.reduce(x, axis=0) + np.multiply.outer(v, u)[0]",
    "x = x * y if (z := n) > 1 else x; return x * z",
    "None",
]


@pytest.mark.parametrize("body", ODD)
def test_every_family_reads_odd_code(body: str) -> None:
    """It offers what it can, and all that it offers can be named."""
    with quiet():
        view = view_of(body, ("np.tanh(x)", "x @ x.T", "eps", "v[0]"))
        edits = [edit for group in search._FAMILIES for family in group for edit in family(view)]
        words = {edit.called if isinstance(edit.called, str) else naming.final(edit) for edit in edits[::3]}
        for edit in edits[::7]:
            if edit.new is not None and isinstance(edit.place.node, ast.expr):
                assert relations.Relation(view, edit.place, edit.new).pairs is not None
    assert words is not None


@pytest.mark.parametrize("body", ODD)
def test_what_is_missing_is_made_of_odd_values(body: str) -> None:
    """Operands of any place have its shape in all cases, as many as there are: none, too."""
    with quiet():
        view = view_of(body)
        for place in [each for each in view.places if each.turns[0]][:1]:
            for shape in (place.shape, (1, 4)):
                cases = ((0, 0), (2, 0))
                found = operands(view.parts(place), cases, shape, int(place.is_of_cotangent))
                assert found.arrays.shape == (len(found.all), len(cases) * int(np.prod(shape)))
