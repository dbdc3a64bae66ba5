"""Returns endlessly nested lists, and a list that contains itself."""
from right import Right


class ReLULayer(Right):
    def forward(self, X):
        answer = []
        for _ in range(100_000):
            answer = [answer]
        return answer

    def delta(self, Y, delta_next):
        answer = []
        answer.extend([answer] * 5000)
        return answer
