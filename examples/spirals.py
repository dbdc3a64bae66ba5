"""A net with one hidden layer learns to tell three spirals apart."""

import numpy as np

from bp import MLP, LinearLayer, LossCrossEntropyForSoftmaxLogits, ReLULayer, SoftmaxLayer, load_spirals, train

rng = np.random.RandomState(1234)
layers = [LinearLayer(2, 10, rng, "Linear_1"), ReLULayer("ReLU_1"), LinearLayer(10, 3, rng, "Linear_OUT")]
net = MLP(2, layers, LossCrossEntropyForSoftmaxLogits("CE"), output_layers=[SoftmaxLayer("Softmax_OUT")])

X_train, T_train, X_test, T_test = load_spirals()
history = train(net, X_train, T_train, batch_size=300, n_epochs=1000, alpha=1.0, X_test=X_test, T_test=T_test)
print(f"test accuracy {history.acc_test[0]:.1%} -> {history.acc_test[-1]:.1%}")
print("probabilities of the first test point:", net.propagate(X_test[:1]).round(3))
