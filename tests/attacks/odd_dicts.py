"""Returns gradients in dicts that lie, whose keys are no names, or have all one hash."""
from right import MLP as Right
from wrong import Wrong as ReLULayer  # noqa: F401


class Liar(dict):
    def __len__(self):
        return 0

    def items(self):
        raise SystemExit(0)


class MLP(Right):
    count = 0

    def gradient(self, X, T):
        MLP.count += 1
        odd = [
            Liar(super().gradient(X, T)),
            {n * (2**61 - 1): 0 for n in range(2000)},
            {"Linear_OUT": {"Linear_OUT": b"\xff"}, "\ud800\x1b[2J": float("nan"), (1, 2): ...},
            {"Linear_OUT": [[], []]},
            {f"{n:01000}": 0 for n in range(3000)},
        ]
        return odd[MLP.count % len(odd)]


ReLULayer = ReLULayer
