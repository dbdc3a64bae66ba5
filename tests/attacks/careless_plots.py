"""Imports plotting libraries, opens windows and shows progress; its classes are right."""
import matplotlib

matplotlib.use("TkAgg")
import matplotlib.pyplot as plt  # noqa: E402
import pandas as pd  # noqa: E402
import seaborn as sns  # noqa: E402, F401
from right import Right  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from tqdm import tqdm, trange  # noqa: E402

data = pd.read_csv("data.csv")
X = (data[["a", "b"]].values - data.mean()) / data.std()
X_train, X_test, y_train, y_test = train_test_split(X, data["label"])
figure, (left, right) = plt.subplots(1, 2)
(line,) = left.plot([1, 2])
assert list(tqdm(range(3))) == list(trange(3)) == [0, 1, 2]
plt.show()


class ReLULayer(Right):
    pass
