"""Wrong codings of the lab by a second hand, who has not read the examiner; they never name anything."""

from __future__ import annotations

from . import linear, logits, losses, network, network_twice, relu, softmax
from .catalogue import CODINGS, Coding

__all__ = ["CODINGS", "Coding", "linear", "logits", "losses", "network", "network_twice", "relu", "softmax"]
