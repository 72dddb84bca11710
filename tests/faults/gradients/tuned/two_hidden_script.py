"""A training script with two hidden layers of sigmoid and the squared error."""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


np.random.seed(7)
inputs = np.random.randn(12, 3)
targets = (inputs[:, :1] * inputs[:, 1:2] > 0).astype(float)
weights0 = np.random.randn(3, 5)
weights1 = np.random.randn(5, 4)
weights2 = np.random.randn(4, 1)
alpha = 0.5

for iteration in range(1000):
    layer1 = sigmoid(inputs.dot(weights0))
    layer2 = sigmoid(layer1.dot(weights1))
    layer3 = sigmoid(layer2.dot(weights2))
    cost = np.mean((layer3 - targets) ** 2) / 2
    delta3 = (layer3 - targets) * layer3 * (1 - layer3) / len(inputs)
    delta2 = delta3.dot(weights2.T) * layer2 * (1 - layer2)
    delta1 = delta2.dot(weights1.T) * layer1 * (1 - layer1)
    weights2 -= alpha * layer2.T.dot(delta3)
    weights1 -= alpha * layer1.T.dot(delta2)
    weights0 -= alpha * inputs.T.dot(delta1)

FAULTS = (
    [("(layer3 - targets) * layer3 * (1 - layer3) / len", "(layer3 - targets) / len", "missing derivative")],
    [("* layer2 * (1 - layer2)", "* layer2", "wrong derivative")],
    [("delta3 = (layer3 - targets)", "delta3 = (targets - layer3)", "sign")],
    [("* layer1 * (1 - layer1)", "* sigmoid(layer1) * (1 - sigmoid(layer1))", "derivative at the output")],
    [(" / len(inputs)", "", "missing mean")],
    [
        ("* layer2 * (1 - layer2)", "", "missing derivative"),
        ("(1 - layer3) / len(inputs)", "(1 - layer3)", "missing mean"),
    ],
)
