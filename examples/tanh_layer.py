"""One's own tanh layer, judged by `check_vjp`: once right, once with the square forgotten."""

import numpy as np

from reference import check_vjp


def tanh_delta(delta_next, X):
    """delta_next times the derivative 1 - tanh(X)^2."""
    return (delta_next * (1 - np.tanh(X) ** 2),)


def tanh_delta_without_square(delta_next, X):
    """A plausible slip: tanh is positive for positive inputs, and the gradient looks right there."""
    return (delta_next * (1 - np.tanh(X)),)


X = np.array([[0.5, -1.0, 2.0], [0.0, 0.25, -0.125]])
for delta in (tanh_delta, tanh_delta_without_square):
    findings = check_vjp(np.tanh, delta, X)
    print(f"{delta.__name__}: {sum(finding.status == 'passed' for finding in findings)} promises kept")
    for finding in findings:
        if finding.status == "failed":
            print(f"  {finding.check}: expected {finding.expected}, got {finding.actual}")
            print(f"  at {finding.counterexample}")
