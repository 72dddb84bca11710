"""Lists of weights and biases, samples as columns one after the other, and sums of the gradients of each."""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


class Network:
    def __init__(self, rng, sizes):
        self.biases = [rng.normal(size=(n, 1)) for n in sizes[1:]]
        self.weights = [rng.normal(size=(n, m)) for m, n in zip(sizes[:-1], sizes[1:])]

    def cost(self, inputs, outputs):
        self.inputs, self.outputs = inputs, outputs
        total = 0
        for x, y in zip(inputs, outputs):
            a = x[:, None]
            for w, b in zip(self.weights, self.biases):
                a = sigmoid(np.dot(w, a) + b)
            total = total + 0.5 * np.sum((a - y[:, None]) ** 2)
        return total / len(inputs)

    def update_mini_batch(self):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        for x, y in zip(self.inputs, self.outputs):
            delta_b, delta_w = self.backprop(x[:, None], y[:, None])
            nabla_b = [nb + db for nb, db in zip(nabla_b, delta_b)]
            nabla_w = [nw + dw for nw, dw in zip(nabla_w, delta_w)]
        self.grad_biases = [nb / len(self.inputs) for nb in nabla_b]
        self.grad_weights = [nw / len(self.inputs) for nw in nabla_w]
        return {"biases": self.grad_biases, "weights": self.grad_weights}

    def backprop(self, x, y):
        activations = [x]
        for w, b in zip(self.weights, self.biases):
            activations.append(sigmoid(np.dot(w, activations[-1]) + b))
        out = activations[-1]
        delta = (out - y) * out * (1 - out)
        delta_b, delta_w = [delta], [np.dot(delta, activations[-2].T)]
        for layer in range(2, len(self.weights) + 1):
            a = activations[-layer]
            delta = np.dot(self.weights[-layer + 1].T, delta) * a * (1 - a)
            delta_b.insert(0, delta)
            delta_w.insert(0, np.dot(delta, activations[-layer - 1].T))
        return delta_b, delta_w


def subject(rng):
    net = Network(rng, [3, 4, 2])
    return net.cost, net.update_mini_batch, (rng.normal(size=(4, 3)), rng.random((4, 2)))


FAULTS = (
    [("delta = (out - y) * out * (1 - out)", "delta = out - y", "missing derivative")],
    [("delta = (out - y) * out * (1 - out)", "delta = (y - out) * out * (1 - out)", "sign")],
    [("self.grad_weights = [nw / len(self.inputs) for nw in nabla_w]", "self.grad_weights = nabla_w", "missing mean")],
    [("delta) * a * (1 - a)", "delta) * (1 - a * a)", "wrong derivative")],
    [("delta) * a * (1 - a)", "delta)", "missing derivative")],
    [
        ("delta = (out - y) * out * (1 - out)", "delta = 2 * (out - y) * out * (1 - out)", "factor"),
        ("delta) * a * (1 - a)", "delta)", "missing derivative"),
    ],
)
