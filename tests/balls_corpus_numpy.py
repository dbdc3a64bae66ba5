"""Functions of numpy as people write them, for the measurement of what ball arithmetic runs: (function, arguments)."""

import math

import numpy as np
from numpy import exp as e_to
from numpy import newaxis
from numpy.lib.stride_tricks import sliding_window_view

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


@of(A)
def swish(x):
    return x / (1.0 + np.exp(-x))


@of(A)
def mish(x):
    return x * np.tanh(np.log1p(np.exp(x)))


@of(A)
def stable_sigmoid(z):
    out = np.empty(z.shape, dtype=float)
    pos = z >= 0
    out[pos] = 1.0 / (1.0 + np.exp(-z[pos]))
    ez = np.exp(z[~pos])
    out[~pos] = ez / (1.0 + ez)
    return out


@of(A)
def log_softmax(logits):
    shifted = logits - np.amax(logits, axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


@of(A, LABELS)
def nll(logits, labels):
    m = logits.max(1)[:, newaxis]
    z = logits - m
    lse = np.log(e_to(z).sum(1))
    return (lse - z[range(len(labels)), labels]).mean()


@of(A, LABELS)
def focal(logits, labels):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    pt = p[np.arange(p.shape[0]), labels]
    return np.mean(-((1 - pt) ** 2) * np.log(pt))


@of(A, LABELS)
def label_smoothing(logits, labels):
    n, k = logits.shape
    t = np.full((n, k), 0.1 / (k - 1))
    t[np.arange(n), labels] = 0.9
    z = logits - logits.max(1, keepdims=True)
    return -(t * (z - np.log(np.exp(z).sum(1, keepdims=True)))).sum() / n


@of(A, LABELS)
def multiclass_hinge(scores, y):
    rows = np.arange(scores.shape[0])
    margins = np.maximum(0, scores - scores[rows, y][:, np.newaxis] + 1)
    margins[rows, y] = 0
    return np.sum(margins) / scores.shape[0]


@of(A, B, R.randn(3))
def two_layer(x, w, b):
    h = x.dot(w) + b
    h[h < 0] = 0
    return h


@of(IMAGES, R.randn(4, 3, 3, 3), R.randn(4))
def conv_im2col(x, w, b):
    n, c, hh, ww = x.shape
    f, _, kh, kw = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="constant")
    cols = np.zeros((n, c, kh, kw, hh, ww))
    for i in range(kh):
        for j in range(kw):
            cols[:, :, i, j] = padded[:, :, i : i + hh, j : j + ww]
    cols = cols.transpose(0, 4, 5, 1, 2, 3).reshape(n * hh * ww, -1)
    return (cols @ w.reshape(f, -1).T + b).reshape(n, hh, ww, f).transpose(0, 3, 1, 2)


@of(IMAGES[:1, :1], R.randn(2, 1, 3, 3))
def conv_naive(x, w):
    n, _, hh, ww = x.shape
    out = np.zeros((n, w.shape[0], (hh - 3) // 1 + 1, (ww - 3) // 1 + 1))
    for b in range(n):
        for k in range(w.shape[0]):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    out[b, k, i, j] = (x[b, :, i : i + 3, j : j + 3] * w[k]).sum()
    return out


@of(IMAGES)
def max_pool_loops(x):
    n, c, h, w = x.shape
    out = np.zeros((n, c, h // 2, w // 2))
    for i in range(0, h, 2):
        for j in range(0, w, 2):
            out[:, :, i // 2, j // 2] = np.max(x[:, :, i : i + 2, j : j + 2], axis=(2, 3))
    return out


@of(IMAGES)
def avg_pool_windows(x):
    return sliding_window_view(x, (3, 3), axis=(2, 3)).mean(axis=(-2, -1))


@of(IMAGES, R.rand(3) + 0.5, R.randn(3))
def batch_norm_2d(x, gamma, beta):
    mu = x.mean(axis=(0, 2, 3), keepdims=True)
    var = ((x - mu) ** 2).mean(axis=(0, 2, 3), keepdims=True)
    xhat = (x - mu) / np.sqrt(var + 1e-5)
    return gamma.reshape(1, -1, 1, 1) * xhat + beta.reshape(1, -1, 1, 1)


@of(A, R.rand(5))
def rms_norm(x, g):
    return x * np.power(np.mean(np.square(x), axis=-1, keepdims=True) + 1e-6, -0.5) * g


@of(IMAGES)
def instance_norm(x):
    m, s = x.mean((2, 3), keepdims=True), x.std((2, 3), keepdims=True)
    return (x - m) / (s + 1e-5)


@of(R.randn(2, 4, 6), R.randn(6, 6), R.randn(6, 6), R.randn(6, 6))
def multi_head(x, wq, wk, wv):
    n, t, d = x.shape
    h = 2

    def split(z):
        return z.reshape(n, t, h, d // h).transpose(0, 2, 1, 3)

    q, k, v = split(x @ wq), split(x @ wk), split(x @ wv)
    s = np.matmul(q, np.swapaxes(k, -1, -2)) / math.sqrt(d / h)
    s = np.where(np.tril(np.ones((t, t))) == 0, -np.inf, s)
    a = np.exp(s - s.max(-1, keepdims=True))
    a = a / a.sum(-1, keepdims=True)
    return (a @ v).transpose(0, 2, 1, 3).reshape(n, t, d)


@of(R.randn(2, 3), R.randn(2, 4), R.randn(2, 4), R.randn(16, 7))
def lstm_cell(x, h, c, w):
    z = np.concatenate((x, h), axis=1) @ w.T
    i, f, o, g = np.split(z, 4, axis=1)
    sig = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    c = sig(f) * c + sig(i) * np.tanh(g)
    return sig(o) * np.tanh(c)


@of(R.randn(2, 3), R.randn(2, 4), R.randn(7, 4), R.randn(7, 4), R.randn(7, 4))
def gru_cell(x, h, wz, wr, wh):
    s = lambda a: 0.5 * (np.tanh(0.5 * a) + 1)  # noqa: E731
    xh = np.hstack([x, h])
    z, r = s(xh @ wz), s(xh @ wr)
    n = np.tanh(np.hstack([x, r * h]) @ wh)
    return (1 - z) * n + z * h


@of(R.randn(3, 4), R.randn(7, 5, 4)[:, :4, :])
def embedding_bag(scale, table):
    tokens = np.array([[0, 2], [6, 6], [1, 3]])
    return (table[tokens].sum(axis=1) * scale[:, None, :]).mean(axis=1)


@of(A, A + R.randn(4, 5))
def cosine_similarity(a, b):
    return np.sum(a * b, axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-8)


@of(A, R.randn(3, 5))
def rbf_kernel(x, y):
    sq = (x**2).sum(1)[:, None] + (y**2).sum(1)[None, :] - 2 * x @ y.T
    return np.exp(-0.5 * sq)


@of(A, R.randn(4, 5), R.randn(4, 5))
def triplet(a, p, n):
    return np.maximum(0.0, ((a - p) ** 2).sum(-1) - ((a - n) ** 2).sum(-1) + 0.2).sum()


@of(P / P.sum(1, keepdims=True), P[::-1] / P[::-1].sum(1, keepdims=True))
def jensen_shannon(p, q):
    m = 0.5 * (p + q)
    kl = lambda a, b: np.sum(np.where(a != 0, a * np.log(a / b), 0), axis=1)  # noqa: E731
    return 0.5 * kl(p, m) + 0.5 * kl(q, m)


@of(P)
def entropy(p):
    q = p / np.sum(p)
    return -np.nansum(q * np.log2(q))


@of(A)
def quantile_loss(e):
    tau = 0.3
    return np.mean(np.maximum(tau * e, (tau - 1) * e))


@of(A)
def log_cosh(x):
    return np.mean(np.log(np.cosh(x)))


@of(A)
def soft_threshold(x):
    return np.sign(x) * np.maximum(np.abs(x) - 0.3, 0.0)


@of(A)
def hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6


@of(A)
def leaky_python(x):
    return np.array([[v if v > 0 else 0.1 * v for v in row] for row in x])


@of(A)
def prelu_select(x):
    return np.select([x > 0.5, x < -0.5], [x * 2, x / 2], default=x)


@of(A)
def piecewise(x):
    return np.piecewise(x, [x < 0, x >= 0], [lambda t: t**2, lambda t: 3 * t])


@of(A)
def logarithms_where_positive(x):
    return np.log(x, out=np.zeros_like(x), where=x > 0) * x


@of(A)
def divided_in_place_where_large(x):
    result = x * x
    np.divide(result, x, out=result, where=np.abs(x) > 0.5)
    return result


@of(A)
def largest_of_each_row_replaced(x):
    result = x * x
    np.put_along_axis(result, x.argmax(axis=1)[:, None], 0, axis=1)
    np.fill_diagonal(result, 1.5)
    np.putmask(result, x < -1, -1)
    return result


@of(V)
def sums_by_bin(x):
    return np.bincount(np.arange(len(x)) % 3, weights=x * x) * np.bincount([0, 1, 2, 2])
