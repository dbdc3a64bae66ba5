"""Names a mistake by its repair: one edit of the writer's own code after which the gradient is right."""

from reference.gradients.repair.search import Repair, repaired

__all__ = ["Repair", "repaired"]
