"""Weights and biases in lists, one sample at a time, as a column."""

import numpy as np

rng = np.random.default_rng(21)
sizes = [3, 4, 4, 2]
weights = [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in zip(sizes[:-1], sizes[1:])]
biases = [rng.normal(size=(b, 1)) for b in sizes[1:]]
samples = [(rng.normal(size=(3, 1)), np.eye(2)[:, [k % 2]]) for k in range(8)]
eta = 0.2


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


for epoch in range(3):
    for x, target in samples:
        activations, zs = [x], []
        for w, b in zip(weights, biases):
            zs.append(w @ activations[-1] + b)
            activations.append(sigmoid(zs[-1]))
        loss = 0.5 * np.sum((activations[-1] - target) ** 2)

        delta = (activations[-1] - target) * sigmoid_prime(zs[-1])
        nabla_w, nabla_b = [None] * 3, [None] * 3
        nabla_w[-1], nabla_b[-1] = delta @ activations[-2].T, delta
        for l in range(2, 4):
            delta = (weights[-l + 1].T @ delta) * sigmoid_prime(zs[-l])
            nabla_b[-l] = delta
            nabla_w[-l] = delta @ activations[-l - 1].T

        weights = [w - eta * nw for w, nw in zip(weights, nabla_w)]
        biases = [b - eta * nb for b, nb in zip(biases, nabla_b)]
    print(f"epoch {epoch}: {loss:.4f}")

FAULTS = (
    [("* sigmoid_prime(zs[-l])", "* sigmoid_prime(activations[-l])", "derivative at the output")],
    [("(activations[-1] - target) * sigmoid_prime(zs[-1])", "(activations[-1] - target)", "missing derivative")],
    [("[b - eta * nb for b", "[b + eta * nb for b", "climbs")],
    [("delta = (activations[-1] - target) *", "delta = (target - activations[-1]) *", "sign")],
    [
        ("return sigmoid(z) * (1 - sigmoid(z))", "return 1 - sigmoid(z) ** 2", "wrong derivative"),
        ("delta @ activations[-2].T, delta", "2 * delta @ activations[-2].T, delta", "factor"),
    ],
)
