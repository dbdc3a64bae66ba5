"""Judges anybody's numpy function and its hand-written gradient; `check_vjp` is all that others need."""

from reference.gradients.check import check_vjp

__all__ = ["check_vjp"]
