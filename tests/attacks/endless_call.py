"""Never returns, whatever is raised in it."""
from right import Right


class ReLULayer(Right):
    def forward(self, X):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
