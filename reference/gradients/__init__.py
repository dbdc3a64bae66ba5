"""Judges any numpy function and its hand-written gradient, in every shape in which people write them."""

from reference.gradients.doors import check_function, check_gradient, check_layer, check_vjp

__all__ = ["check_function", "check_gradient", "check_layer", "check_vjp"]
