"""Mistakes in a formula that people write for several steps at once, such as that of the logistic function."""

from __future__ import annotations

from collections.abc import Iterator

from reference.gradients.diagnosis.named import Named
from reference.gradients.diagnosis.samples import Samples


def explanations(samples: Samples) -> Iterator[Named]:
    """All hypotheses of this module that reproduce the answers."""
    yield from ()
