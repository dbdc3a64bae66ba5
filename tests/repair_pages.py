"""Pages of code in which there is something for each kind of edit."""

from __future__ import annotations

from functools import cache

from reference.gradients.repair import search
from reference.gradients.repair.view import View
from tests.repair_views import Family, view_of

#: Code that makes little sense, and in which there is something for each kind of edit, and behind it something else.
PAGES = {
    "elementwise": """
h = np.tanh(x) * y + limit
k = np.exp(-x) / (1 + np.exp(-x))
m = (h > 0.5) & (y < limit)
d = g * (1 - h ** 2) * m * n
d = d - np.where(x > limit, d, 0.3) * (x > 0)
e = softplus(y) * np.sqrt(x + eps) / n + np.round(y, 1)
d -= np.maximum(e, limit) * k * (1 - k)
q = x - k * k * x + g * h * (1.0 - h) - (1.0 - h * h) * np.cos(x) * y
w = (np.sign(x) if n > 1 else -x) * ~m
return d.astype(float) * 2.0, -d / x.size + q * w, np.abs(d) ** 3 * half(y)""",
    "axes": """
a = x - x.mean(axis=0)
b = np.sum(a * y, axis=1, keepdims=True) / x.shape[0]
p = np.exp(s - s.max(axis=-1, keepdims=True))
p = p / p.sum(axis=-1, keepdims=True)
q = np.einsum('ij,jk->ik', s, t) + np.transpose(c, (0, 2, 1))[0, :3, :]
d = s @ g + (x * v).T.T + np.cumsum(g, axis=0)
r = np.std(x, axis=0, ddof=1) * v.max() + np.var(y, axis=0)
w = (x * v).T @ (g * y) + np.diag(np.diag(w0 := np.outer(v, u)))
z = np.reshape(c, (4, 6)).T @ np.swapaxes(w, 0, 1)
o = np.stack([v, u], axis=0) + along(x, 0)[:2] + np.sum(y, 0)[None] + y.mean(1)[:2, None]
f = g.T.reshape(3, 4) * b + np.trace(s) * g[::-1] + np.roll(g * x, 1, axis=1)
f = f * np.moveaxis(c, 0, -1)[0].T[:1] + (g * y).sum(axis=0)
k = int(x.shape[0])
return d * b / k + p @ q @ a * r, z[:4].sum(0), o, f / int(x.shape[1])""",
    "loops": """
d = np.zeros((3, 4))
e = 0.0 * v
o = (1, 2)
p = -1
for i in range(1, 3):
  for j in range(3):
    d[i, j] += g[i, j] * x[i - 1, j + 1]
    e[j] = e[j] + u[i] * s[i, j]
  e[i] -= v[2 * i - 1] * limit
  d[i] = d[i] + y[i]
e += d[0]
f = v[1:] * u[:p] - v[:3] * u[o[0]]
d[:, 1:] += g[:, :-1] * x[1, 2]
d[1:3] = y[:2]
h = [v, u]
l = [u, v]
k = {'a': v, 'b': u}
e[0] += f[1]
e[3] += f[2]
for r in reversed(h):
  e = e + r * k['a'] * u[n]
if n > 1:
  e = e * h[0] + l.pop()
return d * e[::-1]""",
    "choices": """
w = v[order] + u[at] * v[np.argsort(v)]
a = np.roll(w, 1) + np.roll(g, n, axis=1)[0] + np.flip(u)
q = (s == s.max(axis=1, keepdims=True)) * 1.0
z = np.tril(s) + np.triu(t, 1) * q
o, r = np.eye(4)[np.argmax(v)] * a, np.diag(s @ t) * z[0]
for i in range(4):
  if i > 2:
    a[i] += w[i]
  for j in range(i, 4):
    o[i] += w[i] * v[j] * s[i - i, j - j]
np.add.at(a, at, w)
a[order] -= o[at]
l = v
l *= u
p = []
p.append(x)
x += y
b = np.pad(v, 1)[1:-1] * l + np.pad(u, (2, 0))[2:]
e = e1 = b[0]
for i in range(2):
  b = b + e * u[i] * e1
b[:n] += l[2:]
b[2:] += l[:n] + v[1:3]
b[1:] += a[:-1]
return p[0][1:, 0:3] @ z, a, b, r""",
    "short": """
h = np.tanh(x) * y[0, n]
m = x > limit
d = g * h ** 2 * m + np.sum(g * v, axis=1, keepdims=True) * limit
for i in range(n):
  d[i] = d[i] * 3 + u[i] * at[i] * x[i] + [v, u][0]
return d @ v / n, (np.cumsum(g, axis=0) + 1 / x.sum()) * eps""",
    "matrices": """
o, i = x.shape
u1 = v[0] * x[:, :3]
u2 = v[1] * y[:, :3]
u3 = u1 - u2
z1 = u1 * u2 + s
z2 = u1 / u2 - s.T
a = g[:, :3] * s + (g[:, :3] / t).T
f = np.fft.fft(g, axis=0)
f = np.fft.ifft(f * np.conj(f), norm='ortho') + f.conj()
b = a - np.diag(s) * a - np.linalg.norm(z1) * a
d = np.roll(g, 1, axis=0) * y + x * np.cumsum(g, 0)
e = np.sqrt(np.sum(x ** 2, axis=1, keepdims=True) + eps) / len(x) / float(len(y))
d = d / o / e - x / e * x / e * d
h = g * x * (1 - x) * d
k = np.tanh(u1 @ u2) * z1 * (1 - z1)
i = n - 1
j = np.array([0, 1, 2])
r = z2[j, i] * a[:, j[i]]
z2[1, i] = k[i, i]
q = np.concatenate([u, v]) + np.linalg.solve(s, t)[0, 0]
d = d + softplus(y) * softplus(x) + np.maximum(0.0, d)
return a @ b * k / n, np.real(f) * h + d, z2 * r, q[::-1][:4] * v.sum()""",
}  # fmt: skip


#: What the forward pass has.
GIVEN = ("limit", "np.sin(v)", "np.sin(u)", "v", "q * x")


@cache
def _run(page: str) -> View:
    return view_of("; ".join(PAGES[page].strip().split("\n")).replace(";  ", "\n "), GIVEN)


def view(page: str) -> View:
    """A page as the search sees it; what was recorded of it is shared, and what a view finds out is not."""
    known = _run(page)
    return View(known.functions, known._runs, known._cotangent, known._given)


def name_of(family: Family) -> str:
    """Its module and its own name."""
    return f"{family.__module__.rpartition('.')[2]}.{family.__name__}"


FAMILIES = {name_of(each): each for group in search._FAMILIES for each in group}
