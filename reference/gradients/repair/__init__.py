"""Names a mistake by its repair: one edit of the writer's own code after which the gradient is right."""

from reference.gradients.repair.found import repaired
from reference.gradients.repair.search import Repair

__all__ = ["Repair", "repaired"]
