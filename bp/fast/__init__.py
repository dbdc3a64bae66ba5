"""The fast path of `bp.train`: the same steps, at little more than the cost of their matrix products.

The mathematics is easiest to read in `bp.layers`. This package computes the same in another form, for these reasons.

- *Nothing is allocated in a step.* Every array that a step writes is allocated before the first one, and every call
  says where its result goes (``out=``). The system hands out new memory page by page, which is slow.
- *A layer is one product.* A layer's input ends in a column of ones: its product with W, under which b is a row, is
  X W + b, and its transpose times delta is dW over db. So no pass over memory adds a bias, and none sums a delta.
- *The parameters are one vector*, of which the layers' matrices are views, and so is the gradient: a step is one
  subtraction. alpha / N is multiplied into the smallest delta there is, that of the loss.
- *Batches go through the net in pieces* that stay in the processor's cache (`pieces`). The products of so few samples
  are also small enough for BLAS to take a short cut (`rows`). Inputs in single precision stay as they are, and each
  piece is converted when its turn comes, which takes less time than to read a copy of twice the size.
- *ReLU takes the larger of two arrays, not of an array and a number.* numpy does the first with the processor's vector
  instructions, the second without them (twice as slow, numpy 2.4).
- *Long rows begin at a line of the cache* (`memory`): elsewhere a vector of numbers would lie in two of them.
- *Where all samples are one batch*, as in the small experiments, an epoch is twenty calls of half a microsecond
  (`whole`). All of them are prepared once, with their arguments. Arrays are transposed, units down and samples across,
  since numpy takes longer for many short rows than for a few long ones. Training and test samples stand side by side in
  one pass forward, which serves the evaluation after one epoch and the step of the next; and after every epoch its
  parameters and outputs are copied, so that the losses and accuracies of many epochs are computed at once. Where they
  are few, as in XOR, the test samples go back as well, by steps of 0: to take training samples from among them, and
  copy them, would take longer.

The fast path does not find out what went wrong. It returns None if anything is not finite, and lets numpy's exceptions
pass. In both cases the net is unchanged, and the plain path repeats these epochs and says where and why they fail.
"""

from __future__ import annotations

from bp.fast.net import Shape, shape_of
from bp.fast.pieces import Pieces
from bp.fast.whole import LARGEST, Whole
from bp.mlp import MLP
from bp.samples import Samples

__all__ = ["Fast", "fast_path"]

Fast = Whole | Pieces


def fast_path(
    net: MLP,
    train: Samples,
    test: Samples | None,
    batch_size: int,
    alpha: float,
    threads: int = 1,
    shape: Shape | None = None,
) -> Fast | None:
    """An object that trains ``net`` by steps theta <- theta - ``alpha`` dl/dtheta; None if the fast path cannot.

    It can if `shape_of` knows the net, whose answer may be handed in, and the samples have the net's precision.
    """
    sets = [train] if test is None else [train, test]
    shape = shape_of(net) if shape is None else shape
    if shape is None or not all(each.T.dtype == shape.dtype for each in sets):
        return None
    if batch_size == len(train) and sum(map(len, sets)) <= LARGEST:
        return Whole(net, shape, train, test, alpha)
    return Pieces(net, shape, train, test, batch_size, alpha, threads)
