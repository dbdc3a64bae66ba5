"""A hand-written gradient that forgets the mean, found and named."""

import numpy as np

from reference import check_vjp


def loss(X):
    """The mean of the squares: (N, D) -> ()."""
    return np.mean(X**2)


def loss_gradient(delta_next, X):
    """What a student writes at midnight: 2 X, and the mean is forgotten."""
    return (delta_next * 2 * X,)


findings = check_vjp(loss, loss_gradient, np.linspace(-1.0, 2.0, 20).reshape(5, 4))
for finding in findings.failed:
    print(finding)
    print(finding.repro)
