"""What the search offers for statements, alone or together: other stores, orders and indices, and never nonsense."""

from __future__ import annotations

import pytest

from reference.gradients.repair import statements, together
from tests.repair_views import Family, costs, offers, view_of

pytestmark = pytest.mark.catalogue

#: A family; the code that is wrong; what has to be among its offers, with the words; what never is.
Row = tuple[Family, str, set[tuple[str, str]], set[str]]

STORES: list[Row] = [
    (statements.stores, "d = v * 0; d[at] = u; return d",
     {("not-summed", "d = v * 0; np.add.at(d, at, u); return d"), ("not-summed", "d = v * 0; d[at] += u; return d"),
      ("row-wrong", "d = v * 0; pass; return d")}, {"pass; d[at] = u; return d"}),
    (statements.stores, "d = v * 0; d[0] = u[0]; return d",
     {("term-missing", "d = v * 0; d[0] += u[0]; return d"), ("row-wrong", "d = v * 0; pass; return d")},
     {"d = v * 0; np.add.at(d, 0, u[0]); return d"}),
    (statements.stores, "d = v * 0; d[-1] = 1.0; return d",
     {("row-wrong", "d = v * 0; pass; return d")}, {"d = v * 0; d[-1] += 1.0; return d"}),
    (statements.stores, "d = v * 0\nfor i in range(2):\n  d[0] = u[i]\nreturn d",
     {("not-summed", "d = v * 0; for i in range(2):\n  d[0] += u[i]; return d"),
      ("not-summed", "d = v * 0; for i in range(2):\n  np.add.at(d, 0, u[i]); return d")}, set()),
    (statements.stores, "d = v * 0\nwhile not d[0]:\n  d[0] = u[0]\nreturn d",
     {("not-summed", "d = v * 0; while not d[0]:\n  d[0] += u[0]; return d")}, set()),
    (statements.stores, "d = v * 0; d[1:] += u[1:]; return d",
     {("not-summed", "d = v * 0; np.add.at(d, slice(1, None, None), u[1:]); return d"),
      ("sign", "d = v * 0; d[1:] -= u[1:]; return d"), ("wrong-function", "d = v * 0; d[1:] *= u[1:]; return d"),
      ("wrong-function", "d = v * 0; d[1:] /= u[1:]; return d"), ("extra-term", "d = v * 0; d[1:] = u[1:]; return d"),
      ("extra-term", "d = v * 0; pass; return d")},
     {"d = v * 0; d[1:] += u[1:]; return d", "d = v * 0; np.subtract.at(d, slice(1, None, None), u[1:]); return d"}),
    (statements.stores, "d = x * 0; d[:2:2, None][0] -= u; return d",
     {("not-summed", "d = x * 0; np.subtract.at(d[:2:2, None], 0, u); return d"),
      ("sign", "d = x * 0; d[:2:2, None][0] += u; return d")},
     {"d = x * 0; np.add.at(d[:2:2, None], 0, u); return d", "d = x * 0; d[:2:2, None][0] -= u; return d"}),
    (statements.stores, "d = x * 0; d[:2:2, at] -= u; return d",
     {("not-summed", "d = x * 0; np.subtract.at(d, (slice(None, 2, 2), at), u); return d")}, set()),
    (statements.stores, "d = v * 1; d *= 1; return d",
     {("sign", "d = v * 1; d += 1; return d"), ("scaled", "d = v * 1; pass; return d")},
     {"d = v * 1; d /= 1; return d", "d = v * 1; np.add.at(d, 1); return d"}),
    (statements.stores, "d = v * 1; d += 1; return d",
     {("sign", "d = v * 1; d -= 1; return d"), ("extra-term", "d = v * 1; pass; return d"),
      ("extra-term", "d = v * 1; d = 1; return d")}, {"d = v * 1; d *= 1; return d", "d = v * 1; d /= 1; return d"}),
    (statements.stores, "d = v * 1; d /= u; return d", {("extra-factor", "d = v * 1; pass; return d")}, set()),
    (statements.stores, "d = v * 1; d *= u; return d", {("extra-factor", "d = v * 1; pass; return d")}, set()),
    (statements.stores, "d = v * 1; d /= n; return d",
     {("scaled", "d = v * 1; pass; return d"), ("wrong-function", "d = v * 1; d *= n; return d")},
     {"d = v * 1; d /= n; return d"}),
    (statements.stores, "d = v * 0; np.add.at(d, at, u); np.maximum.at(d, at, u); return d",
     {("sign", "d = v * 0; np.subtract.at(d, at, u); np.maximum.at(d, at, u); return d"),
      ("extra-term", "d = v * 0; pass; np.maximum.at(d, at, u); return d"),
      ("extra-term", "d = v * 0; np.add.at(d, at, u); pass; return d")},
     {"d = v * 0; np.add.at(d, at, u); np.add.at(d, at, u); return d"}),
    (statements.stores, "d = v * 0; np.subtract.at(d, at, u); print(end=''); return d",
     {("sign", "d = v * 0; np.add.at(d, at, u); print(end=''); return d")},
     {"d = v * 0; np.subtract.at(d, at, u); pass; return d"}),
    (statements.stores, "d = v * 0\nif n > 1:\n  d = u\nelse:\n  d = v\nreturn d",
     {("term-missing", "d = v * 0; if n > 1:\n  d = d + u\nelse:\n  d = v; return d"),
      ("extra-term", "d = v * 0; if False:\n  pass\nelse:\n  d = v; return d"),
      ("mask-inverted", "d = v * 0; if not n > 1:\n  d = u\nelse:\n  d = v; return d")}, set()),
    (statements.stores, "d = v * 0\nfor i in range(3):\n  d = v[i] * u\nreturn d",
     {("not-summed", "d = v * 0; for i in range(3):\n  d = d + v[i] * u; return d")}, set()),
    (statements.stores, "d = v * 0\nfor i in range(3):\n  d = v[i] * u\n  e = 2 * d\nreturn e",
     {("term-missing", "d = v * 0; for i in range(3):\n  d = d + v[i] * u\n  e = 2 * d; return e")}, set()),
    (statements.stores, "d = v * 0\nfor i in range(3):\n  d = v[i] * u + d\nreturn d",
     {("not-summed", "d = v * 0; for i in range(3):\n  d = d + (v[i] * u + d); return d")}, set()),
    (statements.stores, "d = v * 2; return d", set(), {"d = d + v * 2; return d"}),
    (statements.stores, "a = b = v; a = b = u; return a", set(), {"a = b = v; a = a + u; return a"}),
]  # fmt: skip

EXCHANGES: list[Row] = [
    (statements.exchanges, "return v, u", {("swapped", "(u, v)")}, {"(v, v)"}),
    (statements.exchanges, "p = [v, u, x]; return p[0]",
     {("wrong-argument", "p = [u, v, x]; return p[0]"), ("wrong-argument", "p = [v, x, u]; return p[0]"),
      ("wrong-argument", "p = [x, u, v]; return p[0]"), ("flipped", "p = [x, u, v]; return p[0]")}, set()),
    (statements.exchanges, "p = (g * 1, g * 2); return p[0]", {("swapped", "p = (g * 2, g * 1); return p[0]")}, set()),
    (statements.exchanges, "p = (v, g); return p[0]", {("wrong-argument", "p = (g, v); return p[0]")}, set()),
    (statements.exchanges, "x[0, 1] * v", {("transposed", "x[1, 0] * v")}, set()),
    (statements.exchanges, "c.sum(axis=(0, 1)) * v", set(), {"c.sum(axis=(1, 0)) * v"}),
    (statements.exchanges, "p = [v]; return p[0]", set(), {"p = [v]; return p[0]"}),
    (statements.exchanges, "p = (v, u, v, u, v, u, v, u, x); return p[0]", set(),
     {"p = (u, v, v, u, v, u, v, u, x); return p[0]"}),
    (statements.exchanges, "p = (v, u, v, u, v, u, v, x); return p[0]",
     {("wrong-argument", "p = (x, u, v, u, v, u, v, v); return p[0]")}, set()),
    (statements.exchanges, "np.subtract(v, u)", {("arguments-swapped", "np.subtract(u, v)")}, set()),
    (statements.exchanges, "np.swapaxes(c, 0, 2)[0]", {("arguments-swapped", "np.swapaxes(c, 2, 0)[0]")}, set()),
    (statements.exchanges, "np.where(v > u, v, u) + np.einsum('i,i', v, u)", set(),
     {"np.where(v > u, u, v) + np.einsum('i,i', v, u)", "np.where(v > u, v, u) + np.einsum('i,i', u, v)"}),
    (statements.exchanges, "np.sin(v)", set(), {"np.sin(v)"}),
    (statements.exchanges, "max(v[0], n, eps, limit, v[1], v[2])",
     {("arguments-swapped", "max(v[1], n, eps, limit, v[0], v[2])")}, {"max(v[2], n, eps, limit, v[1], v[0])"}),
    (statements.exchanges, "a, b = v, u; return a - b",
     {("wrong-argument", "b, a = (v, u); return a - b"), ("wrong-argument", "a, b = (u, v); return a - b")}, set()),
    (statements.exchanges, "a, b = p = (v, u); return a - p[1]",
     {("wrong-argument", "b, a = p = (v, u); return a - p[1]")}, {"b, a = (v, u); return a - p[1]"}),
    (statements.exchanges, "a, b, c, d, e, f, h = (v, u, v, u, v, u, x); return a",
     {("wrong-argument", "f, b, c, d, e, a, h = (v, u, v, u, v, u, x); return a")},
     {"h, b, c, d, e, f, a = (v, u, v, u, v, u, x); return a"}),
    (statements.two_names, "v * v - u", {("wrong-argument", "u * u - v"), ("wrong-argument", "u * u - u")},
     {"v * v - v", "x * x - u"}),
    (statements.two_names, "v * u - x.sum()", {("wrong-argument", "u * v - x.sum()")}, {"x * u - v.sum()"}),
    (statements.two_names, "g * 1 - 2 * (g + 3 * x)", {("wrong-argument", "x * 1 - 2 * (x + 3 * g)")}, set()),
    (statements.two_names, "h = g * 1; k = g * 2; return h - k",
     {("swapped", "h = g * 1; k = g * 2; return k - h")}, set()),
    (statements.two_names, "if n > 1:\n  d = v * v\nreturn d",
     {("wrong-argument", "if n > 1:\n  d = u * u; return d")}, set()),
    (statements.two_names, "for i in range(n):\n  d = v[i:] - u[i:]\nreturn d",
     {("wrong-argument", "for i in range(n):\n  d = u[i:] - v[i:]; return d")}, set()),
    (statements.two_names, "v[at] - v[order]", {("transposed", "v[order] - v[at]")}, set()),
    (statements.two_names, "v[at] * u[at] + x[0][order]",
     {("shifted", "v[order] * u[order] + x[0][order]")}, set()),
    (statements.index_names, "f = u[order]; e = v[at]; d = e * u[at] + f; return d",
     {("wrong-argument", "f = u[order]; e = v[order]; d = e * u[order] + f; return d")},
     {"f = u[at]; e = v[at]; d = e * u[at] + f; return d", "f = u[order]; e = v[u]; d = e * u[u] + f; return d"}),
    (statements.index_names, "e = v[order] * v[at]; d = e * u[at]; return d",
     {("wrong-argument", "e = v[order] * v[order]; d = e * u[order]; return d")}, set()),
    (statements.index_names, "f = u[order] + v[at]; return f", set(), {"f = u[at] + v[at]; return f"}),
    (statements.index_names, "e = v[at]; f = x * 1; d = e * u[at] + u[order]; return d", set(),
     {"e = v[order]; f = x * 1; d = e * u[order] + u[order]; return d"}),
    (statements.index_names, "k = at[:2]; e = v[at]; d = e * u[at] + u[k].sum(); return d", set(),
     {"k = at[:2]; e = v[k]; d = e * u[k] + u[k].sum(); return d"}),
]  # fmt: skip

LOOP = "d = v * 0\nfor i in range(3):\n  "
HALF, V, U = "c.shape[-1] // 2", "v.shape[0] // 2", "u.shape[0] // 2"
FIRST, SECOND = "d[0] += v[1]; d[1] += v[2]; d[2] += v[3]", "d[1] += u[0]; d[2] += u[1]"
SHOWN = LOOP.replace("\nfor", "; for")

TOGETHER: list[Row] = [
    (together.constants, "e = (1, -2); return v[e[0]]",
     {("shifted", f"e = {moved}; return v[e[0]]") for moved in ("(0, -1)", "(0, -3)", "(2, -1)", "(2, -3)")},
     {"e = (1, -2); return v[e[0]]", "e = (1, -1); return v[e[0]]"}),
    (together.constants, "e = (0, 1, 2, 0); return v[e[0]]", {("shifted", "e = (1, 2, 3, 1); return v[e[0]]")}, set()),
    (together.constants, "e = (1, 2, 3, 0, 1); return v[e[0]]", set(), {"e = (2, 3, 4, 1, 2); return v[e[0]]"}),
    (together.constants, "e = (1,); return v[e[0]]", set(), {"e = (2,); return v[e[0]]"}),
    (together.constants, "e = (1, n); return v[e[0]]", set(), {"e = (2, n); return v[e[0]]"}),
    (together.constants, "e = (1, True); f = (1, 0.5); return v[e[0]]", set(),
     {"e = (2, 2); f = (1, 0.5); return v[e[0]]", "e = (2,); f = (1, 0.5); return v[e[0]]",
      "e = (1, True); f = (2, 1.5); return v[e[0]]", "e = (1, True); f = (2,); return v[e[0]]"}),
    (together.constants, "v.reshape((2, 2)) + x[:2, :2]", set(), {"v.reshape((3, 3)) + x[:2, :2]"}),
    (together.counters, LOOP + "d[i] = v[i] * u[i]\nreturn d",
     {("shifted", f"{SHOWN}d[i {step}] = v[i {step}] * u[i {step}]; return d") for step in ("+ 1", "+ -1")} |
     {("shifted", f"{SHOWN}d[i] = v[i {step}] * u[i {step}]; return d") for step in ("+ 1", "+ -1")},
     {SHOWN + "d[i + 1] = v[i] * u[i]; return d"}),
    (together.counters, LOOP + "np.add.at(d, i, u[i] * v[i])\nreturn d",
     {("shifted", f"{SHOWN}np.add.at(d, i, u[i {step}] * v[i {step}]); return d") for step in ("+ 1", "+ -1")}, set()),
    (together.counters, LOOP + "d[i] += v[1] * i\nreturn d", set(),
     {SHOWN + "d[i + 1] += v[1] * (i + 1); return d", SHOWN + "d[i + 1] += v[1] * i; return d"}),
    (together.counters, LOOP + "d[at] += v[at] * u[at]\nreturn d", set(),
     {SHOWN + "d[at + 1] += v[at + 1] * u[at + 1]; return d", SHOWN + "d[at] += v[at + 1] * u[at + 1]; return d"}),
    (together.counters, "i = 1; d = v[i] * u[i]; return d", set(), {"i = 1; d = v[i + 1] * u[i + 1]; return d"}),
    (together.slices, "d = v * 0; d[1:] += v[:-1]; return d",
     {("shifted", "d = v * 0; d[:-1] += v[1:]; return d")}, set()),
    (together.slices, "d = v[1:] + u[:3]; return d", {("shifted", "d = v[:3] + u[1:]; return d")}, set()),
    (together.slices, "d = v[1:] + u[1:]; return d", set(), {"d = v[1:] + u[1:]; return d"}),
    (together.slices, "d = v[1:][:2] + u[0]; return d", set(), {"d = v[:2][1:] + u[0]; return d"}),
    (together.slices, "d = v[0] + u[1:]; return d", set(), {"d = v[1:] + u[0]; return d"}),
    (together.slices, "d = x[1:, 0] + x[:-1, 1]; return d", {("shifted", "d = x[:-1, 1] + x[1:, 0]; return d")}, set()),
    (together.slices, "d = v[1:2] + u[:1] + v[0:1] + u[2:3] + v[3:]; return d",
     {("shifted", "d = v[3:] + u[:1] + v[0:1] + u[2:3] + v[1:2]; return d")},
     {"d = v[:1] + u[1:2] + v[0:1] + u[2:3] + v[3:]; return d"}),
    (together.borders, "d = v * 0; d[1] += v[0]; d[-2] += v[-1]; return d",
     {("shifted", f"d = v * 0; {moved}; return d") for moved in
      ("d[2] += v[0]; d[-3] += v[-1]", "d[1] += v[1]; d[-2] += v[-2]", "d[0] += v[0]; d[-1] += v[-1]")},
     {"d = v * 0; d[2] += v[0]; d[-2] += v[-1]; return d", "d = v * 0; d[2] += v[1]; d[-3] += v[-2]; return d"}),
    (together.borders, "d = v * 0; d[1] += v[0]; d[-2] = v[-1]; return d", set(),
     {"d = v * 0; d[2] += v[0]; d[-3] = v[-1]; return d", "d = v * 0; d[2] += v[0]; d[-2] = v[-1]; return d"}),
    (together.borders, "d = v * 0; d[1] += v[0]; d[n] += v[n]; d[2] += v[1]; d[3] -= v[0]; return d",
     {("shifted", "d = v * 0; d[1] += v[0]; d[n] += v[n]; d[2] += v[2]; d[3] -= v[1]; return d")},
     {"d = v * 0; d[2] += v[0]; d[n] += v[n]; d[3] += v[1]; d[4] -= v[0]; return d",
      "d = v * 0; d[2] += v[0]; d[n] += v[n]; d[2] += v[1]; d[3] -= v[0]; return d"}),
    (together.borders, "d = x * 0; d[1, n] += x[0, 1]; d[-2] += x[-1, :1]; return d",
     {("shifted", "d = x * 0; d[1, n] += x[1, 2]; d[-2] += x[-2, :1]; return d"),
      ("shifted", "d = x * 0; d[2, n] += x[0, 1]; d[-3] += x[-1, :1]; return d")}, set()),
    (together.borders, f"d = v * 0; {FIRST}; d = d * 2; {SECOND}; return d",
     {("shifted", f"d = v * 0; {FIRST}; d = d * 2; d[2] += u[0]; d[3] += u[1]; return d"),
      ("shifted", f"d = v * 0; d[1] += v[1]; d[2] += v[2]; d[3] += v[3]; d = d * 2; {SECOND}; return d")},
     {f"d = v * 0; d[0] += v[1]; d[2] += v[2]; d[3] += v[3]; d = d * 2; {SECOND}; return d"}),
    (together.borders, "d = v * 0; d[1] += v[0] * 2; d[2] += v[1] * 2; return d", set(),
     {"d = v * 0; d[2] += v[0] * 2; d[3] += v[1] * 2; return d"}),
    (together.others, "p = [v, u, x]; return p[0]", {("wrong-argument", "p = [v, u, x]; return p[1]")},
     {"p = [v, u, x]; return p[0]", "p = [v, u, x]; return p[2]"}),
    (together.others, "p = (v, u); return p[-1]", {("wrong-argument", "p = (v, u); return p[0]")},
     {"p = (v, u); return p[1]"}),
    (together.others, "p = {'v': v, 'u': u, 3: x}; return p['v']",
     {("wrong-argument", "p = {'v': v, 'u': u, 3: x}; return p['u']")},
     {"p = {'v': v, 'u': u, 3: x}; return p[3]", "p = {'v': v, 'u': u, 3: x}; return p['v']"}),
    (together.others, "p = {-1: v, 0: u}; return p[-1]", {("wrong-argument", "p = {-1: v, 0: u}; return p[0]")}, set()),
    (together.others, "p = {None: v, 'u': u, (): u}; return p['u']", set(),
     {"p = {None: v, 'u': u, (): u}; return p[None]", "p = {None: v, 'u': u, (): u}; return p[()]"}),
    (together.others, "p = (v, [[1], [1, 2]], u, 'a', None); return v * p[2]",
     {("wrong-argument", "p = (v, [[1], [1, 2]], u, 'a', None); return v * p[0]")},
     {f"p = (v, [[1], [1, 2]], u, 'a', None); return v * p[{n}]" for n in (1, 3, 4)}),
    (together.others, "p = (n, 'a', None, limit); return v * p[0]",
     {("wrong-argument", "p = (n, 'a', None, limit); return v * p[3]")},
     {f"p = (n, 'a', None, limit); return v * p[{n}]" for n in (1, 2)}),
    (together.others, "p = ('a', 'b'); return v * len(p[0])",
     {("wrong-argument", "p = ('a', 'b'); return v * len(p[1])")}, set()),
    (together.others, "x[0] * v", set(), {"x[1] * v"}),
    (together.others, "p = [v] * 12; return p[0]", {("wrong-argument", "p = [v] * 12; return p[11]")}, set()),
    (together.others, "p = [v] * 13; return p[0]", set(), {"p = [v] * 13; return p[1]"}),
    (together.halves, "d = v * 0; d[:n] = v[::2]; d[n:] = v[1::2]; return d",
     {("transposed", "d = v * 0; d[0::2] = v[::2]; d[1::2] = v[1::2]; return d"),
      ("transposed", "d = v * 0; d[:n] = v[:v.shape[0] // 2]; d[n:] = v[v.shape[0] // 2:]; return d")},
     {"d = v * 0; d[0::2] = v[::2]; d[n:] = v[1::2]; return d"}),
    (together.halves, "d = c * 0; d[..., :n + 0] = c[..., 0::2]; d[..., n:] = c[..., 1::2]; return d",
     {("transposed", "d = c * 0; d[..., 0::2] = c[..., 0::2]; d[..., 1::2] = c[..., 1::2]; return d"),
      ("transposed", f"d = c * 0; d[..., :n + 0] = c[..., :{HALF}]; d[..., n:] = c[..., {HALF}:]; return d")}, set()),
    (together.halves, "d = x * 0; d[:, :n] = x[:, ::2]; d[:, n:] = x[:, 1::2]; return d",
     {("transposed", "d = x * 0; d[:, :n] = x[:, :x.shape[1] // 2]; d[:, n:] = x[:, x.shape[1] // 2:]; return d")},
     set()),
    (together.halves, "d = x[0, ::2] + x.copy()[1, 1::2]; return d",
     {("transposed", "d = x[0, :x.shape[-1] // 2] + x.copy()[1, x.copy().shape[-1] // 2:]; return d")}, set()),
    (together.halves, "d = v[::2] + v[2::2] + v[:4:2] + v[n:n + 2] + v[:2]; return d", set(),
     {"d = v[:v.shape[0] // 2] + v[2::2] + v[:4:2] + v[n:n + 2] + v[:2]; return d"}),
    (together.halves, "d = v[::2] + u[::2] + v[2::2] + v[:4:2] + v[n:n + 2] + v[:2] + v[::3][0]; return d",
     {("transposed", f"d = v[:{V}] + u[:{U}] + v[2::2] + v[:4:2] + v[n:n + 2] + v[:2] + v[::3][0]; return d")}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("family", "body", "due", "never"), [*STORES, *EXCHANGES, *TOGETHER])
def test_what_is_offered(family: Family, body: str, due: set[tuple[str, str]], never: set[str]) -> None:
    """Each change that may be the repair, with its word, and none that no writer can have meant."""
    found = offers(family, body)
    assert due - found == set()
    assert never & {text for _, text in found} == set()


@pytest.mark.parametrize(
    ("family", "body"),
    [(together.slices, "d = v[1:] + u[:3]; return d"), (together.counters, LOOP + "d += v[i] * u[i]\nreturn d"),
     (statements.two_names, "d = v * v - u; return d")],
)  # fmt: skip
def test_changes_within_one_expression_are_edits_of_it(family: Family, body: str) -> None:
    """They are tried without compiling the function anew."""
    edits = list(family(view_of(body)))
    assert edits
    assert all(each.new is not None and not each.replaced for each in edits)


@pytest.mark.parametrize(
    ("family", "body", "likely", "unlikely"),
    [
        (statements.stores, "d = v * 0; d[at] = u; return d", "d = v * 0; np.add.at(d, at, u); return d",
         "d = v * 0; d[at] += u; return d"),
        (statements.stores, "d = v * 0; d += u; return d", "d = v * 0; d -= u; return d", "d = v * 0; pass; return d"),
        (statements.exchanges, "p = [v, u, x, u * 1]; return p[0]", "p = [u, v, x, u * 1]; return p[0]",
         "p = [u * 1, x, u, v]; return p[0]"),
        (statements.exchanges, "a, b = v, u; return a - b", "a, b = (u, v); return a - b",
         "b, a = (v, u); return a - b"),
        (statements.two_names, "v * v - u", "u * u - v", "u * u - u"),
    ],
)  # fmt: skip
def test_the_likelier_change_costs_less(family: Family, body: str, likely: str, unlikely: str) -> None:
    """Of several that repair a gradient the cheapest tells the mistake, so what people do more often comes first."""
    known = costs(family, body)
    assert known[likely] < known[unlikely]
