"""A wrong softmax, found and mended step by step: after each change the examiner is asked what is wrong now."""

import numpy as np

import reference


class Layer:
    """What the layer has besides its two messages."""

    def __init__(self, name):
        self.name = name

    def has_params(self):
        return False


class First(Layer):
    """As it was handed in."""

    def forward(self, X):
        E = np.exp(X)
        return E / E.sum(axis=0)

    def delta(self, Y, delta_next):
        return delta_next * Y * (1 - Y)


class Second(First):
    """Each row is a sample, so its probabilities lie along axis 1."""

    def forward(self, X):
        E = np.exp(X)
        return E / E.sum(axis=1, keepdims=True)


class Third(Second):
    """Each output depends on every input, not on its own alone: dy_j/ds_i = y_j ([i = j] - y_i)."""

    def delta(self, Y, delta_next):
        return Y * (delta_next - (delta_next * Y).sum(axis=1, keepdims=True))


class Fourth(Third):
    """The maximum of each row comes off first: nothing can overflow then."""

    def forward(self, X):
        return super().forward(X - X.max(axis=1, keepdims=True))


for version in (First, Second, Third, Fourth):
    findings = reference.check({"SoftmaxLayer": version}, only="softmax.*", seed=0)
    print(f"{version.__name__}: {version.__doc__}\n")
    told = set()
    for finding in findings:
        if finding.status == "failed" and finding.subject not in told:  # of each method the first is enough
            told.add(finding.subject)
            print(f"{finding}\n")
print(f"All {len(findings)} promises are kept.")
