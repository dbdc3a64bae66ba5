"""A softmax layer with a wrong gradient: the examiner finds the mistake and names it."""

import numpy as np

import reference


class SoftmaxLayer:
    """The forward pass is right. The gradient takes only the diagonal of the Jacobian matrix."""

    def __init__(self, name):
        self.name = name

    def forward(self, X):
        E = np.exp(X - X.max(axis=1, keepdims=True))
        return E / E.sum(axis=1, keepdims=True)

    def delta(self, Y, delta_next):
        return delta_next * Y * (1 - Y)


findings = reference.check({"SoftmaxLayer": SoftmaxLayer}, only="softmax.delta.*")
failed = [finding for finding in findings if finding.status == "failed"]
print(f"{len(failed)} of {len(findings)} checks failed. The first one:")
print(*failed[:1])
