"""Names the mistake in a gradient of any function, where one mistake reproduces every answer and no other does."""

from reference.gradients.diagnosis.naming import explained

__all__ = ["explained"]
