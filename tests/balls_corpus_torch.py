"""Functions of torch as people write them, for the measurement of what ball arithmetic runs: (function, arguments)."""

import math

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn

R = np.random.RandomState(11)
A, B = R.randn(4, 5), R.randn(5, 3)
P = R.rand(4, 5) + 0.25
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


ACTIVATIONS = """softplus gelu silu elu relu leaky_relu selu mish hardtanh tanhshrink softsign logsigmoid hardswish
relu6""".split()  # noqa: SIM905 - a list of words
ELEMENTARY = """exp expm1 log1p sqrt rsqrt erf erfc lgamma digamma sinh atan asinh reciprocal square frac exp2
sigmoid""".split()  # noqa: SIM905 - a list of words
FUNCTIONS.extend((f"F.{name}", getattr(F, name), (A,)) for name in ACTIVATIONS)
FUNCTIONS.extend((f"torch.{name}", getattr(torch, name), (P,)) for name in ELEMENTARY)


@of(A)
def naive_softplus(x):
    return torch.log(1 + torch.exp(x))


@of(A)
def swish_by_hand(x):
    return x / (1 + (-x).exp())


@of(A)
def stable_lse(x):
    m = x.max(dim=-1, keepdim=True).values
    return (m + (x - m).exp().sum(-1, keepdim=True).log()).squeeze(-1)


@of(A, LABELS)
def cross_entropy(x, y):
    return F.cross_entropy(x, y)


@of(A, LABELS)
def smoothed(x, y):
    return F.cross_entropy(x, y, label_smoothing=0.2, reduction="sum")


@of(A, LABELS)
def nll_gather(x, y):
    return -F.log_softmax(x, dim=1).gather(1, y.view(-1, 1)).mean()


@of(A, LABELS)
def focal(x, y):
    logp = F.log_softmax(x, dim=-1)[torch.arange(len(y)), y]
    return (-((1 - logp.exp()) ** 2) * logp).mean()


@of(A, R.randn(4, 5))
def mse(a, b):
    return F.mse_loss(a, b)


@of(A, R.randn(4, 5))
def smooth_l1(a, b):
    return F.smooth_l1_loss(a, b, beta=0.5)


@of(A)
def bce_logits(x):
    return F.binary_cross_entropy_with_logits(x, torch.ones_like(x), pos_weight=torch.full((5,), 2.0, dtype=x.dtype))


@of(P / P.sum(1, keepdims=True), P[::-1].copy() / P[::-1].sum(1, keepdims=True))
def kl(p, q):
    return F.kl_div(p.log(), q, reduction="batchmean")


@of(A, R.randn(4, 5))
def cosine(a, b):
    return F.cosine_similarity(a, b, dim=1)


@of(A, R.randn(4, 5), R.randn(4, 5))
def triplet(a, p, n):
    return F.triplet_margin_loss(a, p, n)


@of(A, R.randn(3, 5), R.randn(3))
def linear(x, w, b):
    return F.linear(x, w, b)


@of(A, R.rand(5), R.randn(5))
def layer_norm(x, g, b):
    return F.layer_norm(x, x.shape[-1:], g, b)


@of(IMAGES, R.rand(3), R.randn(3))
def batch_norm(x, g, b):
    return F.batch_norm(x, None, None, g, b, training=True)


@of(R.randn(2, 4, 3))
def group_norm(x):
    return F.group_norm(x, 2)


@of(A, R.rand(5))
def rms_norm(x, g):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * g


@of(IMAGES, R.randn(4, 3, 3, 3), R.randn(4))
def conv2d(x, w, b):
    return F.conv2d(x, w, b, padding=1, stride=2)


@of(R.randn(2, 4, 7), R.randn(4, 2, 3))
def conv1d_groups(x, w):
    return F.conv1d(x, w, groups=2, dilation=2)


@of(R.randn(1, 2, 3, 3), R.randn(2, 3, 2, 2))
def conv_transpose(x, w):
    return F.conv_transpose2d(x, w, stride=2)


@of(IMAGES)
def pools(x):
    return F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)


@of(IMAGES)
def adaptive(x):
    return F.adaptive_avg_pool2d(x, (2, 3)).flatten(1)


@of(R.randn(2, 3, 4), R.randn(2, 3, 4), R.randn(2, 3, 4))
def attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


@of(R.randn(2, 3, 4), R.randn(2, 3, 4), R.randn(2, 3, 4))
def causal(q, k, v):
    s = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    mask = torch.triu(torch.ones(3, 3, dtype=torch.bool), diagonal=1)
    return torch.softmax(s.masked_fill(mask, float("-inf")), dim=-1) @ v


@of(R.randn(2, 3), R.randn(2, 4), R.randn(2, 4), R.randn(16, 3), R.randn(16, 4))
def lstm(x, h, c, wx, wh):
    i, f, g, o = (x @ wx.t() + h @ wh.t()).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c)


@of(R.randn(4, 2, 3), R.randn(3, 3), R.randn(3, 3))
def rnn(x, wx, wh):
    h = torch.zeros(2, 3, dtype=x.dtype)
    outs = []
    for t in range(x.shape[0]):
        h = torch.tanh(x[t] @ wx + h @ wh)
        outs.append(h)
    return torch.stack(outs)


@of(A, B)
def einsum(x, w):
    return torch.einsum("ni,ij->nj", x, w)


@of(R.randn(2, 3), Q)
def quadratic(x, a):
    return torch.einsum("ni,ij,nj->n", x, a, x)


@of(S)
def log_determinant(a):
    return torch.logdet(a)


@of(S, R.randn(3))
def solved(a, b):
    return torch.linalg.solve(a, b)


@of(S)
def inverse_trace(a):
    return torch.inverse(a).diagonal().sum()


@of(S)
def cholesky_sum(a):
    return torch.linalg.cholesky(a).sum()


@of(A)
def normalised(x):
    return F.normalize(x, p=2, dim=1)


@of(A)
def norms(x):
    return x.norm() + x.norm(p=1, dim=0).sum()


@of(A)
def where(x):
    return torch.where(x > 0, x, 0.1 * x)


@of(A)
def clamped(x):
    return x.clamp(-0.5, 0.5) + torch.clamp(x, min=0)


@of(A)
def in_place(x):
    y = x.clone()
    y[y < 0] *= 0.1
    y.add_(1).mul_(2)
    return y


@of(A)
def filled(x):
    out = torch.zeros_like(x)
    for i in range(x.shape[0]):
        out[i] = x[i] * (i + 1)
    return out


@of(A)
def sorted_top(x):
    return torch.topk(x, 2, dim=1)[0] + torch.sort(x, dim=1, descending=True).values[:, :2]


@of(A)
def std_score(x):
    return (x - x.mean(0, keepdim=True)) / x.std(0, keepdim=True)


@of(A)
def reshaped(x):
    return torch.cat([x, x**2], dim=1).view(4, 2, 5).permute(1, 0, 2).contiguous().reshape(8, -1)


@of(R.randn(6, 3))
def embedding(w):
    return F.embedding(torch.tensor([[0, 2], [5, 5]]), w).mean(1)


@of(A)
def cumulative(x):
    return torch.cumsum(x, dim=1) + torch.logcumsumexp(x, dim=1)


@of(P)
def products(x):
    return torch.prod(x, dim=1) + torch.cumprod(x, dim=1)[:, -1]


@of(A, A[::-1].copy())
def distances(a, b):
    return torch.cdist(a, b + 1)


@of(A)
def scattered(x):
    out = torch.zeros(3, 5, dtype=x.dtype)
    return out.index_add(0, torch.tensor([0, 2, 2, 1]), x)


@of(A)
def glu_and_prelu(x):
    return F.glu(x[:, :4], dim=1) + F.prelu(x[:, 1:3], torch.tensor([0.25], dtype=x.dtype))


@of(A)
def detached_max(x):
    e = (x - x.detach().amax(dim=1, keepdim=True)).exp()
    return e / e.sum(dim=1, keepdim=True)


@of(IMAGES[:, :1])
def upsampled(x):
    return F.interpolate(x, scale_factor=2, mode="nearest").sum(dim=(2, 3))


@of(IMAGES[:1, :1])
def unfolded(x):
    return F.unfold(x, kernel_size=3)


@of(IMAGES)
def padded(x):
    return F.pad(x, (1, 2, 0, 1))[:, :, ::2, 1:]


@of(A)
def sequential(x):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    return net(x)


@of(A)
def spectral(x):
    return torch.fft.rfft(x).abs()


@of(S)
def eigenvalues(a):
    return torch.linalg.eigvalsh(a)


@of(A)
def item_scale(x):
    return x / x.abs().max().item()
