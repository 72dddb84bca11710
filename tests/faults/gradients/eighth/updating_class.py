"""A net of eleven lines grown into a class: `backprop` keeps the gradients and makes the step as well."""

import numpy as np


class NeuralNetwork:
    def __init__(self, rng):
        self.weights1 = rng.normal(size=(3, 4))
        self.weights2 = rng.normal(size=(4, 4))
        self.weights3 = rng.normal(size=(4, 1))
        self.lr = 0.5

    def feedforward(self, X, y):
        self.input, self.y = X, y
        self.layer1 = 1 / (1 + np.exp(-np.dot(X, self.weights1)))
        self.layer2 = 1 / (1 + np.exp(-np.dot(self.layer1, self.weights2)))
        self.output = 1 / (1 + np.exp(-np.dot(self.layer2, self.weights3)))
        return np.sum((y - self.output) ** 2)

    def backprop(self):
        delta3 = 2 * (self.output - self.y) * self.output * (1 - self.output)
        self.d_weights3 = np.dot(self.layer2.T, delta3)
        delta2 = np.dot(delta3, self.weights3.T) * self.layer2 * (1 - self.layer2)
        self.d_weights2 = np.dot(self.layer1.T, delta2)
        delta1 = np.dot(delta2, self.weights2.T) * self.layer1 * (1 - self.layer1)
        self.d_weights1 = np.dot(self.input.T, delta1)

        self.weights1 = self.weights1 - self.lr * self.d_weights1
        self.weights2 = self.weights2 - self.lr * self.d_weights2
        self.weights3 = self.weights3 - self.lr * self.d_weights3


def subject(rng):
    net = NeuralNetwork(rng)
    return net.feedforward, net.backprop, (rng.normal(size=(5, 3)), rng.integers(0, 2, (5, 1)) * 1.0)


FAULTS = (
    [
        (
            "        delta2 = np.dot(delta3",
            "        self.weights3 = self.weights3 - self.lr * self.d_weights3\n        delta2 = np.dot(delta3",
            "stale weights",
        ),
        ("        self.weights3 = self.weights3 - self.lr * self.d_weights3\n\n\ndef", "\n\ndef"),
    ],
    [("delta1 = np.dot(delta2, self.weights2.T)", "delta1 = np.dot(delta2, self.weights2)", "transpose")],
    [
        (
            "* self.layer1 * (1 - self.layer1)",
            "* self.layer1 * (1 - self.layer1) * self.layer1 * (1 - self.layer1)",
            "extra derivative",
        ),
        ("delta3 = 2 * (self.output - self.y)", "delta3 = (self.output - self.y)", "factor"),
    ],
)
