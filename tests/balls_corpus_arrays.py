"""More functions of numpy as people write them, as in `balls_corpus_numpy`: statistics, linear algebra, physics."""

import math
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np

R = np.random.RandomState(7)
A, B = R.randn(4, 5), R.randn(5, 3)
P = R.rand(4, 5) + 0.25
V, U = R.randn(6), R.randn(6)
Q = R.randn(3, 3) + 4 * np.eye(3)
S = Q @ Q.T
IMAGES = R.randn(2, 3, 6, 6)
LABELS = np.array([2, 0, 4, 1])
FUNCTIONS = []


def of(*args):
    def register(function):
        FUNCTIONS.append((function.__name__, function, args))
        return function

    return register


@of(V)
def polynomial(x):
    return np.polyval([1.0, -2.0, 0.5, 3.0], x)


@of(V)
def horner(x):
    return reduce(lambda acc, c: acc * x + c, [0.5, -1, 2, 4])


@of(V, U)
def correlation(a, b):
    return np.sum((a - a.mean()) * (b - b.mean())) / (len(a) * a.std() * b.std())


@of(A)
def covariance(x):
    return np.cov(x, rowvar=False)


@of(A)
def z_score(x):
    return (x - np.mean(x, axis=0)) / np.std(x, axis=0, ddof=1)


@of(V)
def moving_average(x):
    return np.convolve(x, np.ones(3) / 3, mode="valid")


@of(V)
def exponential_smoothing(x):
    out = [x[0]]
    for value in x[1:]:
        out.append(0.3 * value + 0.7 * out[-1])
    return np.asarray(out)


@of(V)
def total_variation(x):
    return np.abs(np.diff(x)).sum()


@of(A)
def laplacian(u):
    return np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u


@of(V)
def trapezoid(y):
    integral = np.trapezoid if hasattr(np, "trapezoid") else np.trapz  # noqa: NPY201 - numpy 1
    return integral(y, np.linspace(0, 1, 6) ** 2)


@of(V)
def cumulative(x):
    return np.cumsum(x[::-1])[::-1]


@of(V)
def discounted(r):
    g, out = 0, np.zeros_like(r)
    for t in reversed(range(len(r))):
        g = r[t] + 0.99 * g
        out[t] = g
    return out


@of(A)
def top_two(x):
    return np.sort(x, axis=1)[:, ::-1][:, :2]


@of(A)
def rank_pick(x):
    order = np.argsort(x, axis=1)
    return np.take_along_axis(x, order, axis=1)[:, 1] * x[:, 0]


@of(V)
def median_deviation(x):
    return np.median(np.abs(x - np.median(x)))


@of(A)
def winsorised(x):
    lo, hi = np.percentile(x, [10, 90], axis=0)
    return np.clip(x, lo, hi).sum(0)


@of(S)
def log_determinant(a):
    sign, value = np.linalg.slogdet(a)
    return sign * value


@of(S, R.randn(3))
def mahalanobis(a, d):
    return np.sqrt(d @ np.linalg.inv(a) @ d)


@of(S, R.randn(3), R.randn(3))
def gaussian_log_density(cov, x, mu):
    k = len(x)
    l = np.linalg.cholesky(cov)  # noqa: E741
    y = np.linalg.solve(l, x - mu)
    return -0.5 * (k * np.log(2 * np.pi) + y @ y) - np.log(np.diag(l)).sum()


@of(A, R.randn(4))
def ridge(x, y):
    return np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ y)


@of(R.randn(5, 3), R.randn(5))
def least_squares(x, y):
    return np.linalg.lstsq(x, y, rcond=None)[0]


@of(Q)
def determinant_trace(a):
    return np.linalg.det(a) * np.trace(a)


@of(R.randn(2, 3), Q)
def quadratic_forms(x, a):
    return np.einsum("ni,ij,nj->n", x, a, x)


@of(R.randn(3, 4), R.randn(4))
def einsum_outer(x, w):
    return np.einsum("ij,j->ij", x, w).sum(axis=0) + np.einsum("ij->j", x)


@of(R.randn(4, 2), R.randn(4, 2))
def pair_distances(a, b):
    d = a[:, None] - b[None, :]
    return np.sqrt(np.sum(d * d, axis=-1) + 1e-12)


@of(R.randn(3), R.randn(3))
def cross_norm(a, b):
    c = np.cross(a, b)
    return np.linalg.norm(c)


@of(np.array(0.7))
def rotation(theta):
    c, s = np.cos(theta), np.sin(theta)
    return np.array([[c, -s], [s, c]]) @ np.array([1.0, 2.0])


@of(R.randn(4))
def quaternion_to_matrix(q):
    w, x, y, z = q / np.sqrt(np.sum(q**2))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


@of(V)
def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)


@of(V)
def ackley(x):
    n = x.size
    return -20 * np.exp(-0.2 * np.sqrt((x * x).sum() / n)) - np.exp(np.cos(2 * np.pi * x).sum() / n) + 20 + np.e


@of(R.rand(3) + 0.5)
def newton_root(a):
    x = np.ones_like(a)
    for _ in range(6):
        x = 0.5 * (x + a / x)
    return x


@of(np.array([0.3, -0.2]))
def runge_kutta(y):
    f = lambda s: np.array([s[1], -math.sin(s[0])])  # noqa: E731
    h = 0.1
    for _ in range(3):
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        k4 = f(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


@of(A, R.randn(4, 5))
def huber(pred, target):
    r = np.abs(pred - target)
    quad = np.minimum(r, 1.0)
    return np.mean(0.5 * quad**2 + (r - quad))


@of(A)
def bce_with_logits(z):
    t = (np.arange(z.size).reshape(z.shape) % 2).astype(float)
    return np.mean(np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))))


@of(1 / (1 + np.exp(-A)))
def bce_clipped(p):
    t = np.eye(4, 5)
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()


@of(P)
def dice(p):
    t = np.zeros(p.shape, dtype=bool)
    t[1:3, 1:4] = True
    return 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)


@of(A)
def log_sum_exp_reduce(x):
    return np.logaddexp.reduce(x, axis=1)


@of(A)
def double_well(x):
    return (np.square(x) - 1).__pow__(2).sum(axis=-1)


@of(A)
def where_guard(x):
    small = np.abs(x) < 0.2
    safe = np.where(small, 1.0, x)
    return np.where(small, 1 - x**2 / 6, np.sin(safe) / safe)


@of(A)
def gumbel_softmax(x):
    u = np.random.RandomState(0).rand(*x.shape)
    y = (x - np.log(-np.log(u))) / 0.5
    y = np.exp(y - y.max(1, keepdims=True))
    return y / y.sum(1, keepdims=True)


@of(A, (R.rand(4, 5) > 0.4).astype(float))
def dropout(x, mask):
    return x * mask / (1 - 0.4)


@dataclass
class Dense:
    w: np.ndarray
    b: np.ndarray

    def __call__(self, x):
        self.last = x
        return np.tanh(x @ self.w + self.b)


@of(A)
def module_stack(x):
    net = [Dense(B * 0.1, np.zeros(3)), Dense(np.eye(3) * 0.5, np.ones(3))]
    for layer in net:
        x = layer(x)
    return x


def scaled(x, factor):
    return np.arctan(x * factor)


@of(A)
def vector_field(x):
    gy, gx = np.gradient(x)
    return np.hypot(gy, gx + 3)


@of(np.sort(R.rand(5)))
def interpolated(t):
    grid = np.linspace(0, 1, 5)
    return np.interp(t, grid, grid**2 + 1)


@of(A)
def fancy_scatter(x):
    out = np.zeros((3, 5))
    np.add.at(out, [0, 2, 2, 1], x)
    return out


@of(A)
def blocks(x):
    return np.block([[x[:2, :2], x[:2, 2:4]], [x[2:, :2] * 2, x[2:, 2:4]]]) + np.tri(4)


@of(A)
def stacking(x):
    return np.dstack([x, x**2]).reshape(4, -1)[:, ::3] * np.atleast_2d(np.arange(1, 5)).T


@of(V, U)
def outer_kron(a, b):
    return np.outer(a, b[:2]) + np.kron(a, b[:2]).reshape(6, 2)


@of(A)
def norms(x):
    return np.linalg.norm(x, ord=1, axis=0).sum() + np.linalg.norm(x) + np.linalg.norm(x[0], np.inf)


@of(A)
def softmax_1d_rows(x):
    def softmax(row):
        e = np.exp(row - np.max(row))
        return e / e.sum()

    return np.apply_along_axis(softmax, 1, x)


@of(A)
def counted_mean(x):
    mask = x > -0.5
    return (x * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)


@of(V)
def spectral_energy(x):
    return np.abs(np.fft.rfft(x)) ** 2


@of(S)
def eigenvalues(a):
    return np.linalg.eigvalsh(a)


@of(R.randn(4, 3))
def singular_values(a):
    return np.linalg.svd(a, compute_uv=False)


@of(A)
def python_sum_of_squares(x):
    total = 0
    for row in x.tolist():
        total += sum(v**2 for v in row)
    return total / x.size


@of(A)
def float_of_loss(x):
    loss = 0.5 * np.square(x).sum()
    return float(loss)


FUNCTIONS.append(("partial_scaled", partial(scaled, factor=0.3), (A,)))
