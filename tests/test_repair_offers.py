"""What the search offers for expressions: other orders, other names, parts as factors and terms, and never nonsense."""

from __future__ import annotations

from itertools import pairwise

import pytest

from reference.gradients.repair import orders, replacing, selections
from tests.repair_views import Family, code, costs, offers, view_of

pytestmark = pytest.mark.catalogue

#: A family; the code that is wrong; what has to be among its offers, with the words; what never is.
Row = tuple[Family, str, set[tuple[str, str]], set[str]]
LARGEST = "np.exp(v - np.max(v, axis=-1, keepdims=True))"

ORDERS: list[Row] = [
    (orders.reshapes, "x.reshape(4, 3).T * y",
     {("transposed", "np.reshape(x, (3, 4)) * y"), ("transposed", "np.swapaxes(np.reshape(x, (3, 4)), 0, 1).T * y")},
     {"np.reshape(x, (3, 4))"}),
    (orders.reshapes, "x.reshape(4, 3).transpose(1, 0) * y",
     {("transposed", "np.reshape(x, (3, 4)) * y")}, {"np.reshape(x, (3, 4))"}),
    (orders.reshapes, "c.reshape(6, 4).sum() * y",
     {("transposed", "np.swapaxes(np.reshape(c, (4, 6)), 0, 1).sum() * y")}, {"np.reshape(c, ()) * y"}),
    (orders.reshapes, "np.reshape(c, (4, 3, 2))",
     {("transposed", f"np.swapaxes(np.reshape(c, {sizes}), {axes})") for sizes, axes in
      (((2, 3, 4), "0, 2"), ((3, 4, 2), "0, 1"), ((4, 2, 3), "1, 2"))},
     {"np.swapaxes(np.reshape(c, (4, 3, 2)), 0, 0)"}),
    (orders.reshapes, "x.reshape(12) * np.ravel(y)", set(), {"x.reshape(12)"}),
    (orders.turned, "s.T * t", {("transposed", "s * t")}, {"s.T * s"}),
    (orders.turned, "s.shape[0] * t", set(), {"s[0] * t"}),
    (orders.turned, "np.flip(s) @ t.swapaxes(0, 1)",
     {("flipped", "s @ t.swapaxes(0, 1)"), ("transposed", "np.flip(s) @ t"),
      ("transposed", "t.swapaxes(0, 1) @ np.flip(s)")}, {"np.flip(s) * t.swapaxes(0, 1)"}),
    *((orders.turned, f"np.{name}(s) * t", {(word, "s * t")}, {f"np.{name}(s)"}) for name, word in
      (("flip", "flipped"), ("fliplr", "flipped"), ("flipud", "flipped"), ("rot90", "flipped"),
       ("transpose", "transposed"))),
    (orders.turned, "np.roll(s, 1) + s * t", set(), {"s + s * t", "np.roll(s, 1) + t * s"}),
    (orders.turned, "s[::-1, ::-1] * t",
     {("flipped", "s[:, ::-1] * t"), ("flipped", "s[::-1, :] * t"), ("flipped", "s[:, :] * t")}, {"s * t"}),
    (orders.turned, "s[::-1] * t", {("flipped", "s[:] * t")}, set()),
    (orders.turned, "s[1::-1] * t[:2]", set(), {"s[:] * t[:2]", "s[1:] * t[:2]"}),
    (orders.turned, "s[:0:-1] * t[:2]", set(), {"s[:] * t[:2]", "s[:0] * t[:2]"}),
    (orders.turned, "s[::2] * t[:2]", set(), {"s[:] * t[:2]"}),
    (orders.turned, "c[::-1, 0, ::2]", {("flipped", "c[:, 0, ::2]")}, {"c[:, 0, :]", "c[::-1, 0, :]"}),
    (orders.orders, "x * 2",
     {("transposed", "np.swapaxes(x, 0, 1) * 2"), ("flipped", "np.flip(x, axis=0) * 2"),
      ("flipped", "np.flip(x, axis=1) * 2"), ("flipped", "np.flip(x, axis=(0, 1)) * 2"),
      ("shifted", "np.roll(x, 1, axis=0) * 2"), ("shifted", "np.roll(x, -1, axis=0) * 2"),
      ("shifted", "np.roll(x, 1, axis=1) * 2"), ("shifted", "np.roll(x, -1, axis=1) * 2")},
     {"np.flip(x, axis=2) * 2", "np.swapaxes(x, 0, 0) * 2", "x * np.flip(2, axis=0)"}),
    (orders.orders, "c * 2",
     {("transposed", f"np.swapaxes(c, {axes}) * 2") for axes in ("0, 1", "0, 2", "1, 2")} |
     {("flipped", "np.flip(c, axis=(1, 2)) * 2")}, {"np.flip(c, axis=(0, 1)) * 2", "np.flip(c, axis=(0, 1, 2)) * 2"}),
    (orders.orders, "x.T * 1.0", {("transposed", "np.swapaxes(x.T, 0, 1) * 1.0")}, {"np.flip(x.T, axis=0) * 1.0"}),
    (orders.orders, "v * u[at]",
     {("flipped", "v * u[np.flip(at, axis=0)]"), ("shifted", "v * u[np.roll(at, 1, axis=0)]")},
     {"np.flip(v, axis=(0,)) * u[at]", "np.flip(v, axis=(-1, 0)) * u[at]"}),
    (orders.orders, "x[:1] * (y > v)",
     {("flipped", "x[:1] * (y > np.flip(v, axis=0))"), ("flipped", "np.flip(x[:1], axis=1) * (y > v)"),
      ("transposed", "np.swapaxes(x[:1], 0, 1) * (y > v)")},
     {"np.flip(x[:1], axis=0) * (y > v)", "np.roll(x[:1], 1, axis=0) * (y > v)",
      "np.flip(x[:1], axis=(0, 1)) * (y > v)"}),
    (orders.orders, "v[:2] * v[n]", {("flipped", "np.flip(v[:2], axis=0) * v[n]")}, {"v[:2] * np.flip(v[n], axis=0)"}),
    (orders.orders, "v.reshape(np.array([2, 2]))", set(), {"v.reshape(np.flip(np.array([2, 2]), axis=0))"}),
    (orders.conjugated, "np.cumsum(x, axis=0) * y.cumprod()[:4]",
     {("flipped", "np.flip(np.cumsum(np.flip(x, axis=0), axis=0), axis=0) * y.cumprod()[:4]"),
      ("flipped", "np.flip(np.cumsum(np.flip(x, axis=1), axis=1), axis=1) * y.cumprod()[:4]"),
      ("term-missing", "x * y.cumprod()[:4]"), ("term-missing", "np.cumsum(x, axis=0) * y[:4]"),
      ("flipped", "np.cumsum(x, axis=0) * np.flip(np.cumprod(np.flip(y, axis=0), axis=0), axis=0)[:4]")},
     {"np.flip(np.cumsum(np.flip(x, axis=2), axis=2), axis=2) * y.cumprod()[:4]"}),
    (orders.symmetrized, "g[:, :3] * s + (s > limit) + x[:, :3]",
     {("term-missing", "g[:, :3] * s + np.swapaxes(g[:, :3] * s, -1, -2) + (s > limit) + x[:, :3]")},
     {"g[:, :3] * (s + np.swapaxes(s, -1, -2)) + (s > limit) + x[:, :3]",
      "(g + np.swapaxes(g, -1, -2))[:, :3] * s + (s > limit) + x[:, :3]"}),
    (orders.conjugated, "np.cos(x)", set(), {"x"}),
    (orders.letters, "np.einsum('ij, jk -> ik', s, t)",
     {("transposed", f"np.einsum('{text}', s, t)") for text in ("ji,jk->ik", "ij,kj->ik", "ij,jk->ki")} |
     {("wrong-axis", f"np.einsum('{text}', s, t)") for text in
      ("kj,jk->ik", "ik,jk->ik", "ij,ik->ik", "ij,ji->ik", "ij,jk->jk", "ij,jk->ij")} |
     {("not-summed", f"np.einsum('{text}', s, t)") for text in ("ij,jk->i", "ij,jk->k")},
     {f"np.einsum('{text}', s, t)" for text in
      ("ij,jk->ik", "i,jk->ik", "j,jk->ik", "ij,k->ik", "ij,j->ik", "ij,jk->ii", "ii,jk->ik")}),
    (orders.letters, "np.einsum('ij,jk', s, t)", set(), {"np.einsum('ji,jk', s, t)"}),
    (orders.letters, "np.einsum('ijk->kij', c).sum() * v",
     {("transposed", "np.einsum('ikj->kij', c).sum() * v")}, set()),
    (orders.letters, "np.einsum('abcde->edcba', c[None, None])", set(), {"np.einsum('bacde->edcba', c[None, None])"}),
    (orders.letters, "np.einsum('abcd->dcba', c[None])", {("transposed", "np.einsum('bacd->dcba', c[None])")}, set()),
]  # fmt: skip

SELECTIONS: list[Row] = [
    (selections.inverses, "v[order] + v[at] + u[:1]",
     {("transposed", "v[np.argsort(order)] + v[at] + u[:1]")}, {"v[order] + v[np.argsort(at)] + u[:1]"}),
    (selections.inverses, "v[n] * order", set(), {"v[n] * np.argsort(order)", "v[np.argsort(n)] * order"}),
    (selections.inverses, "v[order - 1] + u[order.reshape(2, 2)].sum() + x[1][order > 9].sum()",
     {("transposed", "v[np.argsort(order) - 1] + u[order.reshape(2, 2)].sum() + x[1][order > 9].sum()")},
     {"v[np.argsort(order - 1)] + u[order.reshape(2, 2)].sum() + x[1][order > 9].sum()",
      "v[order - 1] + u[np.argsort(order.reshape(2, 2))].sum() + x[1][order > 9].sum()"}),
    *((selections.indicators, text,
       {("wrong-function", new) for new in ("v", "np.exp(v)", "v / np.sum(v, axis=-1, keepdims=True)",
        f"{LARGEST} / np.sum({LARGEST}, axis=-1, keepdims=True)")}, {"v + 1"}) for text in
      ("(v == v.max()) * 1.0", "np.eye(4)[np.argmax(v)]", "(v == v.max()).astype(float)")),
    (selections.indicators, "np.zeros(4) * v", set(), {"v", "np.exp(v)", "np.zeros(4) * np.exp(v)"}),
    (selections.indicators, "v == v.max()", set(), {"v", "np.exp(v)"}),
    (selections.indicators, "v - v + 2.0 * (v > 0)", set(), {"v", "np.exp(v)", "np.exp(v) - v + 2.0 * (v > 0)"}),
    (selections.indicators, "x * np.sign(v[0])", set(), {"x * np.exp(v[0])", "x * v[0]"}),
    (selections.indicators, "np.ones(3) * 1.0", set(), {"np.ones(3)"}),
    (selections.diagonals, "np.diag(np.diag(s)) * v[:3]",
     {("jacobian-diagonal-only", "s * v[:3]"), ("jacobian-diagonal-only", "np.diag(s) @ v[:3]"),
      ("jacobian-diagonal-only", "v[:3] @ np.diag(s)")}, {"np.diag(s) * v[:3]", "np.linalg.inv(s) * v[:3]"}),
    (selections.diagonals, "np.diag(2.0 / s.diagonal())", {("jacobian-diagonal-only", "np.linalg.inv(s)")}, {"s"}),
    (selections.diagonals, "np.diag(2.0 - s.diagonal())", set(), {"s", "np.linalg.inv(s)"}),
    (selections.diagonals, "v[:3] * np.diag(s)",
     {("jacobian-diagonal-only", "s @ v[:3]"), ("jacobian-diagonal-only", "v[:3] @ s")}, {"np.linalg.solve(s, v[:3])"}),
    (selections.diagonals, "s.diagonal() * v[:3]",
     {("jacobian-diagonal-only", "s @ v[:3]"), ("jacobian-diagonal-only", "v[:3] @ s")}, set()),
    (selections.diagonals, "v[:3] / np.diagonal(s)",
     {("jacobian-diagonal-only", "np.linalg.solve(s, v[:3])")}, {"s @ v[:3]"}),
    (selections.diagonals, "np.diag(s) / v[:3]", set(), {"np.linalg.solve(s, v[:3])", "s @ v[:3]"}),
    (selections.diagonals, "np.diag(s) + v[:3]", set(), {"s @ v[:3]", "s + v[:3]"}),
    (selections.diagonals, "np.trace(s) * v[:3]", set(), {"s @ v[:3]"}),
]  # fmt: skip

REPLACING: list[Row] = [
    (replacing.names, "x * y",
     {("wrong-argument", "x * x"), ("wrong-argument", "y * y"), ("delta-next-ignored", "g * y"),
      ("wrong-argument", "v * y")}, {"x * y", "s * y", "c * y", "np * y", "n * y", "at * y"}),
    (replacing.names, "v[n] * u",
     {("wrong-argument", "u[n] * u"), ("wrong-argument", "v[n] * v")}, {"v[at] * u", "v[limit] * u", "v[n] * g"}),
    (replacing.names, "v[at] * u[order]",
     {("wrong-argument", "v[order] * u[order]"), ("wrong-argument", "v[at] * u[at]")},
     {"v[u] * u[order]", "at[at] * u[order]"}),
    (replacing.names, "x * limit + n",
     {("wrong-argument", "x * x + n"), ("scaled", "x * n + n"), ("scaled", "x * limit + limit")},
     {"x * np + n"}),
    (replacing.names, "np.sum(x, axis=n - 1)[:3] * eps", set(),
     {"np.sum(x, axis=eps - 1)[:3] * eps", "np.sum(x, axis=v - 1)[:3] * eps"}),
    (replacing.names, "np.zeros(n)[:1] + limit",
     {("other-epsilon", "np.zeros(n)[:1] + n")}, {"np.zeros(limit)[:1] + limit"}),
    (replacing.names, "x * (y > limit)", {("mask-from-other", "x * (x > limit)")}, {"x * (at > limit)"}),
    (replacing.names, "m = x > n\nk = y > n\nreturn x * m",
     {("mask-from-other", "m = x > n; k = y > n; return x * k")}, {"m = x > n; k = y > n; return x * y"}),
    (replacing.names, "d = v * 0; e = u * 1; e[n] = v[n]; return e + d",
     {("wrong-argument", "d = v * 0; e = u * 1; u[n] = v[n]; return e + d"),
      ("wrong-argument", "d = v * 0; e = u * 1; e[n] = v[n]; return v + d")},
     {"d = v * 0; e = u * 1; d[n] = v[n]; return e + d", "d = v * 0; e = u * 1; e[n] = v[n]; return d + d"}),
    (replacing.expressions, "np.sin(x) * y",
     {("wrong-argument", "x * y"), ("extra-factor", "np.sin(x)"), ("wrong-argument", "np.sin(x) * np.sin(x)"),
      ("extra-factor", "y"), ("delta-next-ignored", "g * y")}, {"x * x", "np.sin(y) * y", "np.sin(x) * y"}),
    (replacing.expressions, "x * (y * 0.0) + np.sin(x)", set(), {"y * 0.0 * (y * 0.0) + np.sin(x)"}),
    (replacing.expressions, "v[n] * np.exp(u)",
     {("wrong-argument", "v[n] * u")}, {"np.exp(u) * np.exp(u)", "v[np.exp(u)] * np.exp(u)", "v[v[n]] * np.exp(u)"}),
    (replacing.expressions, "limit * np.exp(u)", {("wrong-argument", "np.exp(u) * np.exp(u)")}, {"np.exp(limit) * u"}),
    (replacing.names, "d = v * limit\nfor i in range(n):\n  d = d * at[i]\nreturn d * (n - 1)",
     {("scaled", "d = v * limit; for i in range(n):\n  d = d * n; return d * (n - 1)")},
     {"d = v * limit; for i in range(limit):\n  d = d * at[i]; return d * (n - 1)",
      "d = v * limit; for i in range(v):\n  d = d * at[i]; return d * (n - 1)"}),
    (replacing.names, "x[0] * v", {("wrong-argument", "u * v"), ("wrong-argument", "v * v")}, {"x[0] * x"}),
    (replacing.names, "np.roll(v, n) * limit", set(), {"np.roll(v, limit) * limit", "np.roll(v, u) * limit"}),
    (replacing.names, "np.roll(v, n) * u[n - 1:][:1] * at[0]", set(), {"np.roll(v, u) * u[n - 1:][:1] * at[0]"}),
    (replacing.names, "np.sum(x, axis=0, keepdims=n)[0] * at", set(), {"np.sum(x, axis=0, keepdims=limit)[0] * at"}),
    (replacing.names, "x * (y > limit) * (n > 1)", set(), {"x * n * (n > 1)", "x * (y > limit) * n"}),
    (replacing.expressions, "x * 2.0", {("wrong-argument", "x * y"), ("wrong-argument", "x * x")}, {"2.0 * 2.0"}),
    (replacing.expressions, "v[1] * u[n]", {("wrong-argument", "v[n] * u[n]")}, {"v[u] * u[n]"}),
    (replacing.expressions, "x ** 2 * n", set(), {"x ** n * n", "x ** x * n"}),
    (replacing.expressions, "for i in range(3):\n  d = v * i\nreturn d * n",
     {("wrong-argument", "for i in range(n):\n  d = v * i; return d * n")},
     {"for i in range(v):\n  d = v * i; return d * n"}),
    (replacing.plain_factors, "(y > limit) * x",
     {("factor-missing", "(y * x > limit) * x"), ("factor-missing", "(y / x > limit) * x")}, {"(y > limit * x) * x"}),
    (replacing.plain_factors, "x ** limit * n", {("scaled", "x ** (limit * n) * n")}, {"x ** (limit * s) * n"}),
    (replacing.plain_factors, "v * 2",
     {("factor-missing", "v * u * 2"), ("factor-missing", "v / u * 2"), ("factor-missing", "v * 2 * u"),
      ("factor-missing", "v * 2 / u")}, {"v * x * 2", "v * (2 * u)", "v + u * 2"}),
    (replacing.plain_factors, "m = v > limit; return v * 2 + m",
     {("mask-missing", "m = v > limit; return v * m * 2 + m")}, {"m = v > limit; return v / m * 2 + m"}),
    (replacing.plain_factors, "v * x + 1",
     {("factor-missing", "v * y * x + 1"), ("factor-missing", "v * (x * y) + 1")}, {"np.sin(v) * x + 1"}),
    (replacing.plain_factors, "v[n] * limit + n", {("scaled", "v[n] * (limit * n) + n")},
     {"v[n * n] * limit + n", "v[n * limit] * limit + n"}),
    (replacing.plain_terms, "v ** 2",
     {("term-missing", "(v + u) ** 2"), ("term-missing", "(v - u) ** 2"), ("scaled", "(v + v) ** 2"),
      ("term-missing", "v ** 2 + u")}, {"(v + x) ** 2", "(v * u) ** 2", "v ** (2 + u)"}),
    (replacing.plain_terms, "m = v > limit; return m * v", {("term-missing", "m = v > limit; return m * (v + u)")},
     {"m = v > limit; return m * (v + m)", "m = v > limit; return m * (v - m)"}),
    (replacing.factors, "np.sin(v) * 2",
     {("factor-missing", "np.sin(v) * np.sin(v) * 2"), ("factor-missing", "np.sin(v) / np.sin(v) * 2"),
      ("factor-missing", "np.sin(v * np.sin(v)) * 2")}, {"np.sin(v) * v * 2", "(np.sin(v) + np.sin(v)) * 2"}),
    (replacing.factors, "(v > limit) * u", {("mask-missing", "(v > limit) * (u * (v > limit))")},
     {"(v > limit) * (u / (v > limit))"}),
    (replacing.terms, "np.sin(v) * u",
     {("term-missing", "np.sin(v) * (u + np.sin(v))"), ("term-missing", "np.sin(v) * (u - np.sin(v))")},
     {"np.sin(v) * (u * np.sin(v))", "np.sin(v) * (u + v)"}),
    (replacing.terms, "(v > limit) * u", {("term-missing", "(v > limit) * (u + (v > limit) * u)")},
     {"(v > limit) * (u + (v > limit))"}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "body", "due", "never"), [*ORDERS, *SELECTIONS, *REPLACING])
def test_what_is_offered(family: Family, body: str, due: set[tuple[str, str]], never: set[str]) -> None:
    """Each change that may be the repair, with its word, and none that no writer can have meant."""
    found = offers(family, body)
    assert due - found == set()
    assert never & {text for _, text in found} == set()


#: A family, code, and changes of it from the likeliest to the most far-fetched.
LIKELIER: list[tuple[Family, str, list[str]]] = [
    (orders.orders, "s * x[:, :3]", ["np.swapaxes(s, 0, 1) * x[:, :3]", "np.flip(s, axis=0) * x[:, :3]",
                                     "np.flip(s, axis=(0, 1)) * x[:, :3]", "np.roll(s, 1, axis=0) * x[:, :3]"]),
    (orders.orders, "s.sum() * x", ["np.swapaxes(s, 0, 1).sum() * x", "s.sum() * np.swapaxes(x, 0, 1)"]),
    (orders.orders, "np.sin(v) * u", ["np.sin(v) * np.flip(u, axis=0)", "np.flip(np.sin(v), axis=0) * u"]),
    (orders.orders, "u[1:] * np.cos(v[1:])", ["np.flip(u[1:], axis=0) * np.cos(v[1:])",
                                              "u[1:] * np.flip(np.cos(v[1:]), axis=0)"]),
    (orders.turned, "s @ t.T", ["s @ t", "t.T @ s"]),
    (orders.letters, "np.einsum('ij,jk->ik', s, t)", ["np.einsum('ji,jk->ik', s, t)", "np.einsum('ij,jk->i', s, t)"]),
    (orders.conjugated, "np.cumsum(v)", ["np.flip(np.cumsum(np.flip(v, axis=0), axis=0), axis=0)", "v"]),
    (replacing.names, "x * y", ["x * x", "v * y"]),
    (replacing.names, "d = v * 1; d[n] = u[n]; return d", ["d = v * 1; d[n] = v[n]; return d",
                                                           "d = v * 1; v[n] = u[n]; return d"]),
    (replacing.expressions, "np.sin(x) * y", ["np.sin(x) * np.sin(x)", "x * y", "np.sin(x) * y * y"]),
    (replacing.expressions, "np.sin(x) * y", ["x * y", "v * y"]),
    (replacing.plain_factors, "v * 2", ["v * u * 2", "v / u * 2"]),
    (replacing.plain_terms, "v ** 2", ["(v + u) ** 2", "(v - u) ** 2"]),
    (replacing.factors, "np.sin(v) * 2", ["np.sin(v) * np.sin(v) * 2", "np.sin(v) / np.sin(v) * 2"]),
    (replacing.terms, "np.sin(v) * u", ["np.sin(v) * (u + np.sin(v))", "np.sin(v) * (u - np.sin(v))"]),
]  # fmt: skip


@pytest.mark.parametrize(("family", "body", "order"), LIKELIER)
def test_the_likelier_change_costs_less(family: Family, body: str, order: list[str]) -> None:
    """Of several that repair a gradient the cheapest tells the mistake, so what people do more often comes first."""
    known = costs(family, body)
    found = [known[each] for each in order]
    assert all(one < two for one, two in pairwise(found)), found


def test_a_part_costs_more_than_a_name() -> None:
    """A whole expression is forgotten less often than a name is."""
    for plain, other in ((replacing.plain_factors, replacing.factors), (replacing.plain_terms, replacing.terms)):
        assert min(costs(plain, "np.sin(v) * 2").values()) < min(costs(other, "np.sin(v) * 2").values())


@pytest.mark.parametrize(
    ("family", "sign"),
    [(replacing.plain_factors, "*"), (replacing.plain_factors, "/"), (replacing.plain_terms, "+"),
     (replacing.plain_terms, "-")],
)  # fmt: skip
def test_a_missing_array_is_told_from_a_missing_number(family: Family, sign: str) -> None:
    """Where it is known what a place lacks there is no need to try arrays, nor numbers that vary; others are tried."""
    edits = family(view_of("k = x[0, 0]; return v * u + n + at * k"))
    kinds = {code(edit.new): edit.is_product for edit in edits if edit.new is not None}
    assert [kinds[f"v {sign} {name}"] for name in ("u", "at", "k", "n")] == [True, True, True, False]
