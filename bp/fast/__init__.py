"""The fast path of `bp.train`: the same steps, at little more than the cost of their matrix products.

Whoever wants to see the mathematics reads `bp.layers`; here it is the same in other clothes, and this is why.

- *Nothing is allocated in a step.* Every array that a step writes is there before the first one, and every call says
  where its result goes (``out=``). Fresh memory comes from the system page by page.
- *A layer is one product.* Arrays are transposed, units down and samples across, and what a layer takes ends in a row
  of ones: [W^T b] times that is W^T X + b, and delta times its transpose is [dW^T db]. So no pass over memory adds a
  bias, and none sums a delta. Inputs keep their rows, with a column of ones: BLAS takes a transpose as it is.
- *The parameters are one vector*, of which the layers' matrices are views, and so is the gradient: a step is one
  subtraction. alpha / N is multiplied into the smallest delta there is, that of the loss.
- *Batches go through the net in pieces* that stay in the processor's cache (`pieces`).
- *An array of zeros, not a zero.* numpy compares two arrays with the processor's vector instructions, an array and a
  number without them (four times slower, numpy 2.4).
- *Where all samples are one batch*, as in the small experiments, an epoch is twenty calls of half a microsecond
  (`whole`). Training and test samples stand side by side in one pass forward, which serves the evaluation after one
  epoch and the step of the next; and every epoch leaves its parameters and outputs in a place of its own. Losses and
  accuracies are taken of many epochs at once, later.

The fast path has no opinion on what is wrong. Where anything is not finite it answers None, and where numpy raises
it lets it; the net is as before then, and the plain path does these epochs again and says where and why.
"""

from __future__ import annotations

from bp.fast.net import shape_of
from bp.fast.pieces import Pieces
from bp.fast.whole import LARGEST, Whole
from bp.mlp import MLP
from bp.samples import Samples

__all__ = ["Fast", "fast_path"]

Fast = Whole | Pieces


def fast_path(
    net: MLP, train: Samples, test: Samples | None, batch_size: int, alpha: float, threads: int = 1
) -> Fast | None:
    """What trains ``net``, a step being theta <- theta - ``alpha`` dl/dtheta; None where the fast path cannot.

    It can where `shape_of` knows the net, its inputs have its precision, and targets are one-hot.
    """
    sets = [train] if test is None else [train, test]
    shape = shape_of(net)
    if shape is None or not all(each.one_hot and each.T.dtype == shape.dtype for each in sets):
        return None
    if batch_size == len(train) and sum(map(len, sets)) <= LARGEST:
        return Whole(net, shape, train, test, alpha)
    return Pieces(net, shape, train, test, batch_size, alpha, threads)
