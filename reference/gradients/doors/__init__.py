"""One door for each shape in which people write gradients; behind each of them the same checks are made."""

from reference.gradients.doors.functions import check_vjp
from reference.gradients.doors.layers import check_layer
from reference.gradients.doors.losses import check_gradient
from reference.gradients.doors.torch_functions import check_function

__all__ = ["check_function", "check_gradient", "check_layer", "check_vjp"]
