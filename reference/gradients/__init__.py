"""Judges any numpy function and its hand-written gradient; `check_vjp` is the public name."""

from reference.gradients.check import check_vjp

__all__ = ["check_vjp"]
