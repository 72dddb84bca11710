"""Lists of weights and biases, column vectors, one sample after another; quadratic cost and sigmoid everywhere."""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


class Network:
    def __init__(self, rng, sizes):
        self.num_layers = len(sizes)
        self.biases = [rng.normal(size=(y, 1)) for y in sizes[1:]]
        self.weights = [rng.normal(size=(y, x)) for x, y in zip(sizes[:-1], sizes[1:])]

    def total_cost(self, data, answers):
        self.data, self.answers = data, answers
        cost = 0.0
        for x, y in zip(data, answers):
            a = x[:, None]
            for b, w in zip(self.biases, self.weights):
                a = sigmoid(np.dot(w, a) + b)
            cost += 0.5 * np.sum((a - y[:, None]) ** 2)
        return cost / len(data)

    def backprop(self):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        for x, y in zip(self.data, self.answers):
            activation = x[:, None]
            activations = [activation]
            zs = []
            for b, w in zip(self.biases, self.weights):
                z = np.dot(w, activation) + b
                zs.append(z)
                activation = sigmoid(z)
                activations.append(activation)
            delta = (activations[-1] - y[:, None]) * sigmoid_prime(zs[-1])
            nabla_b[-1] += delta
            nabla_w[-1] += np.dot(delta, activations[-2].T)
            for layer in range(2, self.num_layers):
                delta = np.dot(self.weights[-layer + 1].T, delta) * sigmoid_prime(zs[-layer])
                nabla_b[-layer] += delta
                nabla_w[-layer] += np.dot(delta, activations[-layer - 1].T)
        count = len(self.data)
        return {"weights": [w / count for w in nabla_w], "biases": [b / count for b in nabla_b]}


def subject(rng):
    net = Network(rng, (3, 5, 4, 2))
    return net.total_cost, net.backprop, (rng.normal(size=(7, 3)), rng.random((7, 2)))


FAULTS = (
    [("* sigmoid_prime(zs[-layer])", "* sigmoid_prime(activations[-layer])", "derivative at the output")],
    [("[w / count for w in nabla_w]", "nabla_w", "missing mean")],
    [("nabla_b[-layer] += delta\n", "nabla_b[-layer] = delta\n", "missing path")],
    [
        (
            "delta = (activations[-1] - y[:, None]) * sigmoid_prime(zs[-1])",
            "delta = activations[-1] - y[:, None]",
            "missing derivative",
        ),
        ("[b / count for b in nabla_b]", "[b for b in nabla_b]", "missing mean"),
    ],
)
