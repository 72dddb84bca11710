"""A net whose backward pass takes the step as well, as in many short posts."""

import numpy as np


class NeuralNetwork:
    def __init__(self, rng):
        self.weights1 = rng.normal(size=(3, 4))
        self.weights2 = rng.normal(size=(4, 4))
        self.weights3 = rng.normal(size=(4, 2))
        self.rate = 0.5

    def forward(self, x, y):
        self.layer1 = np.tanh(x @ self.weights1)
        self.layer2 = np.tanh(self.layer1 @ self.weights2)
        self.output = self.layer2 @ self.weights3
        return np.sum((self.output - y) ** 2) / len(y)

    def backward(self, x, y):
        d_out = 2 * (self.output - y) / len(y)
        self.d_weights3 = self.layer2.T @ d_out
        d2 = (d_out @ self.weights3.T) * (1 - self.layer2**2)
        self.weights3 = self.weights3 - self.rate * self.d_weights3
        self.d_weights2 = self.layer1.T @ d2
        d1 = (d2 @ self.weights2.T) * (1 - self.layer1**2)
        self.weights2 = self.weights2 - self.rate * self.d_weights2
        self.d_weights1 = x.T @ d1
        self.weights1 = self.weights1 - self.rate * self.d_weights1
        return self.d_weights1, self.d_weights2, self.d_weights3


def subject(rng):
    net = NeuralNetwork(rng)
    return (
        net.forward,
        net.backward,
        (rng.normal(size=(5, 3)), rng.normal(size=(5, 2))),
        {"wrt": ["weights1", "weights2", "weights3"]},
    )


FAULTS = (
    [
        (
            "        d2 = (d_out @ self.weights3.T) * (1 - self.layer2**2)\n        self.weights3 = self.weights3 - self.rate * self.d_weights3\n",
            "        self.weights3 = self.weights3 - self.rate * self.d_weights3\n        d2 = (d_out @ self.weights3.T) * (1 - self.layer2**2)\n",
            "stale weights",
        )
    ],
    [("d1 = (d2 @ self.weights2.T)", "d1 = (d2 @ self.weights2)", "transpose")],
    [
        (
            "(d2 @ self.weights2.T) * (1 - self.layer1**2)",
            "(d2 @ self.weights2.T) * (1 - self.layer1)",
            "wrong derivative",
        )
    ],
    [
        (
            "d_out = 2 * (self.output - y)",
            "d_out = 2 * (self.output - y) * self.output * (1 - self.output)",
            "extra derivative",
        )
    ],
    [
        (
            "        d1 = (d2 @ self.weights2.T) * (1 - self.layer1**2)\n        self.weights2 = self.weights2 - self.rate * self.d_weights2\n",
            "        self.weights2 = self.weights2 - self.rate * self.d_weights2\n        d1 = (d2 @ self.weights2.T) * (1 - self.layer1**2)\n",
            "stale weights",
        ),
        ("d_out = 2 * (self.output - y)", "d_out = 2 * (y - self.output)", "sign"),
    ],
)
