"""Operations of torch in ball arithmetic, with their options: functions of tensors, with the arrays they take."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it

from tests.gradients import drawn
from tests.operations import BOX, LINE, POSITIVE, ROW, SQUARE, WIDE, A, Array, B, Function

IMAGES = drawn(2, 3, 5, 4)
INDEX = torch.tensor([[0, 2, 1, 1], [2, 0, 0, 1]])
MASK = torch.from_numpy(A > 0.25)
DEFINITE = SQUARE @ SQUARE.T + np.eye(3)
SEVERAL = drawn(2, 3, 3) + 3 * np.eye(3)[::-1]
DOUBLE = torch.float64
ROW3 = torch.tensor([1.0, 2.0, 0.5], dtype=DOUBLE)

#: What has a value and a gradient.
FORMS: list[tuple[Function, tuple[Array, ...]]] = [
    # Elementwise
    (lambda x: torch.add(x, x * x, alpha=3) + torch.sub(x, x * x, alpha=0.5) + torch.rsub(x, 2.0, alpha=3) + (1 - x),
     (A,)),
    (lambda x, y: torch.add(x, y) * torch.sub(x, y) * torch.maximum(x, y) + torch.minimum(y, x), (A, B)),
    *((lambda x, y, m=m: torch.div(x, y, rounding_mode=m) * x, (A, B)) for m in (None, "floor", "trunc")),
    *((lambda x, y, f=f: getattr(torch, f)(x, y) + y, (A, B)) for f in (
        "fmax", "fmin", "remainder", "fmod", "atan2", "hypot", "logaddexp", "copysign", "logaddexp2",
    )),
    (lambda x, y: torch.xlogy(x, y) + torch.pow(y, x) + torch.float_power(y, 2), (A, POSITIVE)),
    (lambda x: torch.sign(x) * x + torch.sgn(x) * torch.square(x) + torch.abs(x) + x.neg() + x.reciprocal(), (A,)),
    (lambda x: torch.floor(x) * x + torch.ceil(x) * x**2 + torch.trunc(x) * x + torch.frac(x), (A,)),
    (lambda x: torch.round(x) * x + torch.round(x, decimals=1) * x * x, (A,)),
    (lambda x: torch.clamp(x, -0.5,
     0.5) + x.clamp(min=-0.25) * 2 + x.clamp(max=0.75) + x.clamp_min(0) + x.clamp_max(0.5), (A,)),
    *((getattr(torch, f), (np.tanh(A) / 2 + 0.5,)) for f in (
        "asin", "acos", "atanh", "logit", "erfinv", "digamma", "lgamma", "sinc", "deg2rad", "rad2deg", "log2", "log10",
    )),
    *((getattr(torch, f), (A,)) for f in ("tan", "cosh", "tanh", "atan", "exp2", "erf", "erfc", "cos", "i0")),
    *((getattr(torch.special, f), (POSITIVE,)) for f in (
        "entr", "erfcx", "log_ndtr", "ndtr", "i1", "i0e", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1",
    )),
    (lambda x: torch.polygamma(0, x) + torch.polygamma(2, x) + torch.acosh(x + 1), (POSITIVE,)),
    (lambda x: torch.where(x > 0.25, x, 3 * x) + torch.where(MASK, x, 1.0) * torch.where(MASK, 2.0, x), (A,)),
    (lambda x: torch.nan_to_num(torch.where(x > 0, x, torch.nan), nan=0.5) * x, (A,)),
    (lambda x: (x.ge(0.25) & ~x.lt(0)).double() * x + x.le(0.5) * x**2 + x.ne(0) * x + x.eq(0) * x, (A,)),
    (lambda x: torch.logical_or(x > 1, torch.logical_not(torch.logical_and(x > -1, x < 0))) * x, (A,)),
    (lambda x: x * (2 if (x > -9).all() else 3) + x * (5 if (x > 9).any() else 7) + (x > 0).any(dim=0) * x, (A,)),
    (lambda x: (x > 0).all(dim=1, keepdim=True) * x + (x > 0).any(1, keepdim=True) * x * x, (A,)),
    (lambda x: x * (2 if torch.equal(x, x * 1) else 3) * (5 if torch.equal(x, 2 * x) else 7), (A,)),
    (lambda x: torch.where(x.isnan() | x.isinf() | ~x.isfinite(), 0.0, x) * x, (A,)),
    # Sums and what is made of them
    *((lambda x, f=f, o=o: getattr(torch, f)(x * x[:, :1], **o), (POSITIVE,))
      for f in ("sum", "mean", "std", "var", "amax", "amin")
      for o in ({"dim": 0}, {"dim": 1}, {"dim": -1, "keepdim": True}, {"dim": (0, 1)})),
    *((lambda x, f=f: getattr(torch, f)(x), (A,)) for f in (
        "sum", "mean", "std", "var", "max", "min", "prod", "median", "norm", "nansum", "amax", "amin",
    )),
    *((lambda x, f=f: getattr(torch, f)(x, 0).values * getattr(torch, f)(x, dim=1, keepdim=True).values, (A,))
      for f in ("max", "min", "median")),
    (lambda x: torch.var(x, 1, unbiased=False) + torch.var(x, dim=1, correction=2) + x.std(1, False), (A,)),
    (lambda x: torch.var(x, 0, True, keepdim=True) * x + torch.std_mean(x)[1] + torch.var_mean(x, dim=0)[0], (A,)),
    (lambda x: torch.prod(x, 0) + torch.prod(x, 1, keepdim=True), (A,)),
    (lambda x: torch.take_along_dim(x, x.argmax(dim=1, keepdim=True), 1) * x.argmin(0) + x.argmax(), (A,)),
    (lambda x: x.gather(0, x.argmin(dim=0, keepdim=True)) * x + torch.aminmax(x, dim=1, keepdim=True)[0], (A,)),
    (lambda x: torch.cumsum(x, 0) * torch.cumsum(x, dim=-1) + torch.cumprod(x, 0), (A,)),
    (lambda x: torch.logcumsumexp(x, 0) * x + torch.logsumexp(x, 1, keepdim=True), (A,)),
    (lambda x: torch.logsumexp(x, (0, 1)) * torch.logsumexp(x, 0), (A,)),
    *((lambda x, f=f, d=d: f(x, dim=d) * x, (BOX,)) for f in (torch.softmax, torch.log_softmax) for d in (0, 1, -1)),
    *((lambda x, p=p: torch.linalg.vector_norm(x, p, dim=1) + x.norm(p=p, dim=0, keepdim=True)[:, :3], (A,))
      for p in (1, 2, 3, float("inf"))),
    (lambda x: torch.cdist(x, x.flip(0) + 1, p=1) + torch.cdist(x, x + 1) + torch.cdist(x, x + 1, p=3), (A,)),
    # Products
    (lambda x, y: x @ y + torch.mm(x, y) * torch.matmul(x, y), (A, WIDE)),
    (lambda x, y: torch.mv(x, y) * torch.dot(y, y) + x @ y, (A, ROW)),
    (torch.bmm, (BOX, drawn(2, 4, 2))),
    (lambda c, x, y: torch.addmm(c, x, y) + torch.addmm(c, x, y, beta=0.5, alpha=3), (drawn(3, 2), A, WIDE)),
    (lambda c, x, y: torch.baddbmm(c, x, y, beta=2, alpha=0.5), (drawn(2, 3, 2), BOX, drawn(2, 4, 2))),
    (lambda c, x, y: torch.addcmul(c, x, y, value=0.5) + torch.addcdiv(c, x, y, value=2), (A, B, B[::-1].copy())),
    (lambda x, y: torch.lerp(x, y, 0.25) + torch.outer(x[:, 0], y[0]), (A, B)),
    (lambda x: torch.einsum("bij,bkj->bik", x, x) + torch.tensordot(x, x[0, 0], dims=1).unsqueeze(-1), (BOX,)),
    (torch.linalg.cross, (drawn(2, 3), drawn(2, 3)[::-1] + 1)),
    # Places
    (lambda x: x.view(4, 3).t() @ x.reshape(2, 6)[:, 1:5].transpose(0, 1).repeat(1, 2), (A,)),
    (lambda x: x.permute(2, 0, 1) ** 2, (BOX,)),
    (lambda x: x.unsqueeze(1).expand(-1, 2, -1).sum(1) + x.unsqueeze(-1).squeeze(-1) * x[None].squeeze().squeeze(0),
     (A,)),
    (lambda x: torch.broadcast_to(x, (3, 4)) * torch.ones(3, 1, dtype=DOUBLE) + x.expand(3, 4) ** 2, (ROW,)),
    (lambda x: torch.cat([x, x * x], 1)[:, 2:7:2] * torch.cat((x, x))[1:4, :3], (A,)),
    (lambda x: torch.stack([x, x * x], -1)[..., 1] + torch.stack([x, 2 * x])[0] + torch.hstack([x, x])[:, -4:], (A,)),
    (lambda x: x[1:, -2] * x[:-1, 1] + x[0, 0] + x.select(1, 2)[:2] + x[0][3], (A,)),
    (lambda x: x.select(0, -1) * torch.narrow(x, 1, 1, 2)[:, :1].sum() + x.flatten()[-1], (A,)),
    (lambda x: x[[0, 2]][:, [1, 1]] * x[MASK][:2] + torch.index_select(x, 1, INDEX[0, :2])[:2], (A,)),
    (lambda x: torch.gather(x, 0, INDEX) * torch.take(x, INDEX) + torch.masked_select(x, MASK).sum(), (A,)),
    (lambda x: torch.masked_fill(x, MASK, 0.5) * x.masked_fill(~MASK, 2.0), (A,)),
    (lambda x: torch.zeros(3, 4, dtype=DOUBLE).scatter_add(0, INDEX, x[:2] * 2) * x, (A,)),
    (lambda x: torch.zeros(4, 4, dtype=DOUBLE).scatter(0, torch.tensor([[0, 1, 2, 3]]), x) * x[0], (A,)),
    (lambda x: x.scatter(0, torch.tensor([[1, 1, 0, 2]]), 0.5) * x, (A,)),
    (lambda x: x.index_put((torch.tensor([0, 2]),), x[:2] * 2) * x, (A,)),
    (lambda x: x.index_put((torch.tensor([1, 1]),), x[:2] * 2, accumulate=True) * x, (A,)),
    (lambda x: x.index_add(1, torch.tensor([0, 0]), x[:, :2]) * x.index_fill(0, torch.tensor([1]), 2.0), (A,)),
    (lambda x: sum(part.sum() * (k + 2) for k, part in enumerate(x.split(3, 1))) * x.split([1, 2])[1], (A,)),
    (lambda x: x.chunk(2, 1)[1] * x.unbind(1)[0].unsqueeze(1) + x.unbind()[2][:2], (A,)),
    (lambda x: x.flip(0) * x.flip([0, 1]) + x.roll(1, 1) * x.roll((1, 2), (0, 1)) + x.roll(3), (A,)),
    (lambda x: x.repeat(2, 1)[2:5] * x.tile(1, 2)[:, 3:7] + x.repeat_interleave(2, 0)[1:4], (A,)),
    (lambda x: x.diagonal().sum() + x.diagonal(1) * x.diagonal(-1)[:1] + torch.diag(x[0])[:3, :1].sum(), (A,)),
    (lambda x: x.diagonal(0, 2, 1) * torch.arange(3.0), (BOX,)),
    (lambda x: x.triu() + x.tril(1) * x.triu(1) + x.tril(-1) ** 2 + torch.trace(x), (A,)),
    (lambda x: F.pad(x, (1, 2)) * F.pad(x, (2, 1), value=0.5), (A,)),
    (lambda x: F.pad(x, (0, 1, 2, 0)).sum(0) * torch.arange(5.0, dtype=DOUBLE) + F.pad(x, (1, 0, 1, 1), value=2.0)[1],
     (A,)),
    (lambda x: torch.sort(x, 0)[0] * torch.sort(x, descending=True)[0] + torch.argsort(x, 1) * x, (A,)),
    (lambda x: torch.topk(x, 2, 0)[0] * torch.topk(x, 2, dim=0, largest=False).values + x.topk(2)[1][:2, :1], (A,)),
    (lambda x: x.clone() ** 2 + x.double() + x.to(DOUBLE) * x.long(), (A,)),
    (lambda x: torch.ones_like(x) * x + torch.zeros_like(x) + torch.full_like(x, 2.0) * x**2 + x.new_full((4,), 3.0),
     (A,)),
    (lambda x: x.new_ones(4) * x + x.new_zeros(3, 1) + torch.ones_like(x, dtype=torch.int64) * x + x.new_tensor(2.0),
     (A,)),
    # Written into
    (lambda x: written(torch.zeros(3, 4, dtype=DOUBLE), (slice(1, 3), 0), x[:2, 0] * 2) * x, (A,)),
    (lambda x: written(torch.empty(4, dtype=DOUBLE).fill_(2.0), 1, x[0, 0] ** 2) * x, (A,)),
    (lambda x: written(x.clone(), MASK, 0.25) * written(x * 1, slice(None), x.flip(0)), (A,)),
    (lambda x: x.clone().zero_().add_(x).mul_(x).sub_(1, alpha=2).div_(2).clamp_(min=-0.25), (A,)),
    (lambda x: x.clone().copy_(x[0] * 2) * x + x.clone().masked_fill_(MASK, 0.5), (A,)),
    # Activations and losses
    *((lambda x, f=f, o=o: getattr(F, f)(x, **o), (2 * A,)) for f, o in (
        ("softplus", {"beta": 2.0}), ("elu", {"alpha": 0.5}), ("celu", {"alpha": 2.0}), ("gelu",
         {"approximate": "tanh"}),
        ("leaky_relu", {"negative_slope": 0.2}), ("hardtanh", {"min_val": -0.5, "max_val": 0.25}), ("softshrink", {}),
        ("hardshrink", {}), ("hardsigmoid", {}), ("threshold", {"threshold": 0.25, "value": 2.0}), ("softmin",
         {"dim": 0}),
        ("normalize", {"p": 1.0, "dim": 0}), ("gelu", {}), ("selu", {}), ("silu", {}), ("mish", {}), ("logsigmoid", {}),
    )),
    *((lambda x, y, f=f, r=r: getattr(F, f)(x, y, reduction=r), (A, B))
      for f in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss") for r in ("none", "sum",
       "mean")),
    (lambda x: F.cross_entropy(x, INDEX[0, :3]) * F.nll_loss(x, INDEX[1, :3], reduction="none"), (A,)),
    (lambda x: F.cross_entropy(x, torch.tensor([0, -100, 3]), weight=torch.arange(1.0, 5, dtype=DOUBLE)), (A,)),
    (lambda x: F.binary_cross_entropy(torch.sigmoid(x), MASK.double(), reduction="sum"), (A,)),
    # Layers
    *((lambda x, w, o=o: F.conv2d(x, w, **o), (IMAGES, drawn(4, 3, 2, 3))) for o in (
        {}, {"stride": (2, 1)}, {"padding": (1, 2)}, {"dilation": (2, 1)}, {"padding": 1, "stride": 2},
    )),
    (lambda x, w, b: F.conv2d(x, w, b, groups=3), (IMAGES, drawn(6, 1, 2, 2), drawn(6))),
    *((lambda x, w, o=o: F.conv1d(x, w, **o), (BOX, drawn(2, 3, 2))) for o in ({}, {"stride": 2}, {"padding": 1})),
    *((lambda x, w, o=o: F.conv_transpose1d(x, w, **o), (BOX, drawn(3, 2, 2))) for o in (
        {}, {"stride": 2}, {"padding": 1}, {"dilation": 2},
    )),
    *((lambda x, o=o: F.avg_pool2d(x, **o), (IMAGES,)) for o in (
        {"kernel_size": 2}, {"kernel_size": (2, 3)}, {"kernel_size": 3, "stride": 1, "padding": 1},
    )),
    *((lambda x, o=o: F.max_pool2d(x, **o), (IMAGES,)) for o in (
        {"kernel_size": 2}, {"kernel_size": (3, 2), "stride": (1, 2)}, {"kernel_size": 3, "padding": 1},
    )),
    (lambda x: F.avg_pool1d(x, 2, stride=1) * F.adaptive_avg_pool1d(x, 3), (BOX,)),
    (lambda x: F.adaptive_avg_pool2d(x, (3, 1)), (IMAGES,)),
    (lambda w: F.embedding(INDEX, w) * torch.arange(2.0, dtype=DOUBLE), (drawn(3, 2),)),
    (lambda x: F.layer_norm(x, (3, 4), eps=0.1) * F.group_norm(x, 3), (BOX,)),
    (lambda x: F.unfold(x, 2, stride=2).sum(1) + F.pixel_shuffle(x[:, :1].repeat(1, 4, 1, 1), 2).sum((1, 2,
     3)).unsqueeze(1), (IMAGES,)),
    # Linear algebra
    (torch.linalg.inv, (SEVERAL,)),
    (torch.linalg.solve, (SEVERAL, drawn(2, 3, 2))),
    (lambda a, b: torch.linalg.solve(a, b, left=False), (SEVERAL, drawn(2, 4, 3))),
    (torch.linalg.det, (SEVERAL,)),
    (lambda a: torch.linalg.slogdet(a)[1] * torch.linalg.slogdet(a)[0], (SEVERAL,)),
    (lambda a: torch.logdet(a) * torch.linalg.cholesky(a), (DEFINITE,)),
    (lambda a: torch.linalg.cholesky(a @ a.t(), upper=True), (SQUARE,)),
    (lambda a, b: torch.linalg.solve_triangular(a, b, upper=True), (SQUARE, drawn(3, 2))),
    (lambda a, b: torch.linalg.solve_triangular(a, b, upper=False, left=False), (SQUARE, drawn(2, 3))),
    (lambda a: torch.linalg.qr(a)[0] @ torch.linalg.qr(a)[1] * 2 + torch.linalg.qr(a, "r")[1][0], (drawn(4, 3),)),
    (torch.linalg.pinv, (drawn(4, 2),)),
    # Attention
    *((lambda q, k, v, o=o: F.scaled_dot_product_attention(q, k, v, **o), (BOX, drawn(2, 5, 4), drawn(2, 5,
     2))) for o in (
        {"attn_mask": torch.from_numpy(drawn(3, 5))}, {"attn_mask": torch.from_numpy(drawn(3, 5) > -0.5)},
         {"scale": 0.25},
    )),
    (lambda x, w: F.conv_transpose1d(x, w, stride=2, output_padding=1), (BOX, drawn(3, 2, 2))),
    (lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=(1, 0)), (IMAGES, drawn(3, 2, 3, 3))),
    (lambda x, w: F.conv_transpose1d(x, w, groups=3), (BOX, drawn(3, 2, 2))),
    (lambda x: torch.cummax(x, 1)[0] * torch.cummin(x, 0)[0], (A,)),
    (lambda x: torch.bucketize(x, ROW3.sort()[0]) * x + torch.searchsorted(ROW3.sort()[0], x, right=True) * x, (A,)),
    *((lambda x, r=r, s=s: torch.scatter_reduce(x, 0, INDEX, x[1:] + 1, r, include_self=s), (A,))
        for r in ("sum", "mean", "prod", "amax", "amin") for s in (True, False)),
    *((lambda x, m=m: F.embedding_bag(INDEX.ravel(), x, torch.tensor([0, 3, 5]), mode=m), (A,))
        for m in ("sum", "mean", "max")),
    (lambda b, a: torch.cholesky_solve(b, a.tril()) + torch.cholesky_solve(b, a.triu(), True), (WIDE[:3], SQUARE)),
    (lambda b, a: torch.cholesky_solve(b, a.tril()), (drawn(2, 3, 2), SEVERAL)),
    (lambda a, b: torch.linalg.lstsq(a, b).solution, (WIDE, drawn(4, 1))),
    *((lambda x, t=t: F.ctc_loss(x.log_softmax(2), t, [5, 4], [2, 1], reduction="none"), (drawn(5, 2, 4),))
        for t in (torch.tensor([[2, 2], [3, 0]]), torch.tensor([1, 2, 3]))),
    (lambda x: F.rrelu(x) + F.local_response_norm(x[None, None], 1)[0, 0], (A,)),
    (lambda x: F.adaptive_max_pool2d(x, (2, 3)) + F.interpolate(x, (2, 3), mode="bicubic"), (IMAGES,)),
    (lambda x, g: F.grid_sample(x, g.tanh(), align_corners=False), (IMAGES, drawn(2, 2, 3, 2))),
    # What torch makes of several of its own, or writes down elsewhere
    *((lambda x, o=o: F.batch_norm(x, ROW3 - 1, ROW3 + 1, ROW3, eps=0.1, **o), (IMAGES,)) for o in (
        {"training": True}, {"training": False}, {"training": True, "bias": torch.ones(3, dtype=DOUBLE)},
    )),
    (lambda x: torch.nn.BatchNorm2d(3, dtype=DOUBLE, affine=False)(x) * x, (IMAGES,)),
    (lambda x: torch.nn.InstanceNorm2d(3, affine=True, dtype=DOUBLE)(x) * F.group_norm(x, 3, x[0, :, 0, 0]), (IMAGES,)),
    (lambda x, y: F.bilinear(x, y, torch.arange(24.0, dtype=DOUBLE).reshape(2, 4, 3)), (A[:2], B[:2, :3])),
    (lambda x: x.unfold(1, 2, 1) * 2 + x.T.unfold(0, 3, 1).mean(), (A,)),
    (lambda x, y: x @ y @ x[0], (LINE[None], drawn(5, 5))),
    (lambda x: x[0] @ x.T @ x * x[0].clone().unsqueeze_(0).transpose_(0, 1).squeeze_(1), (A,)),
    (lambda x: (x - x.clone()).pow(2) + (torch.sin(x) ** 2 + torch.cos(x) ** 2 - 1) ** 3 + x, (A,)),
]  # fmt: skip


def written(tensor: torch.Tensor, key: object, value: object) -> torch.Tensor:
    """The tensor with a part replaced."""
    tensor[key] = value
    return tensor


#: What is refused.
REFUSED: list[tuple[Function, tuple[Array, ...]]] = [
    (lambda x: x.to(torch.float32), (A,)),
    (lambda x: x.half(), (A,)),
    (lambda x: x.to(torch.complex128), (A,)),
    (lambda x: x * x.max().item(), (A,)),
    (lambda x: torch.from_numpy(x.numpy()), (A,)),
    (lambda x: torch.tensor(x.tolist()), (A,)),
    (lambda x: torch.linalg.vector_norm(x, 0), (A,)),
    (lambda x: F.pad(x, (-1, 0)), (A,)),
    (lambda x: F.max_pool2d(x, 2, ceil_mode=True), (IMAGES,)),
    (lambda x: F.max_pool2d(x, 2, dilation=2), (IMAGES,)),
    (lambda x: F.avg_pool2d(x, 2, ceil_mode=True), (IMAGES,)),
    (lambda x: F.avg_pool2d(x, 2, padding=1, count_include_pad=False), (IMAGES,)),
    (lambda x: F.avg_pool2d(x, 2, divisor_override=3), (IMAGES,)),
    (lambda x, w: F.conv_transpose1d(x, w, padding=3), (BOX, drawn(3, 2, 2))),
    (lambda x: F.rrelu(x, training=True), (A,)),
    (lambda x: F.embedding_bag(INDEX[0], x, INDEX[0, :1] * 0, per_sample_weights=x[0], mode="sum"), (A,)),
    *((lambda x, o=o: F.embedding_bag(INDEX, x, **o), (A,)) for o in (
        {"padding_idx": 0}, {"scale_grad_by_freq": True, "mode": "sum"},
    )),
    (lambda x: F.embedding_bag(INDEX[0], x, torch.tensor([0, 2, 4]), include_last_offset=True), (A,)),
    (lambda x: torch.searchsorted(x, x) * x, (A,)),
    (lambda x: F.ctc_loss(x, INDEX[:, 1:2] + 1, [2, 2], [1, 1], zero_infinity=True), (drawn(2, 2, 3),)),
    (lambda x: F.ctc_loss(x, INDEX[:, 1:4] + 1, [2, 2], [3, 3]), (drawn(2, 2, 4),)),
    (lambda a, b: torch.linalg.solve_triangular(a, b, upper=True, unitriangular=True), (SQUARE, drawn(3, 2))),
    (lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5), (BOX,)),
    (lambda x: F.scaled_dot_product_attention(x, x, x, enable_gqa=True), (BOX[None],)),
    (lambda x: torch.as_strided(x.clone().t_(), (2, 2), (1, 3)), (A,)),
    (torch.linalg.eigvalsh, (DEFINITE,)),
    (lambda x: torch.fft.rfft(x).abs(), (LINE,)),
]  # fmt: skip
