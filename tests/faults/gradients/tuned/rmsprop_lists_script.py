"""A script around a class that keeps its layers in lists and RMSProp's averages beside them; updates in place."""

import numpy as np


class Network:
    def __init__(self, sizes, seed=0):
        random = np.random.RandomState(seed)
        self.weights = [random.randn(m, n) / np.sqrt(m) for m, n in zip(sizes[:-1], sizes[1:])]
        self.biases = [np.zeros(n) for n in sizes[1:]]
        self.averages = [np.zeros_like(p) for p in self.weights + self.biases]

    def predict(self, x):
        self.outputs = [x]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1]):
            x = np.maximum(x @ weight + bias, 0.0)
            self.outputs.append(x)
        return x @ self.weights[-1] + self.biases[-1]

    def gradients(self, delta):
        of_weights, of_biases = [], []
        for layer in reversed(range(len(self.weights))):
            of_weights.insert(0, self.outputs[layer].T @ delta)
            of_biases.insert(0, delta.sum(axis=0))
            if layer > 0:
                delta = (delta @ self.weights[layer].T) * (self.outputs[layer] > 0)
        return of_weights + of_biases

    def rmsprop(self, gradients, rate, rho=0.9):
        for p, g, a in zip(self.weights + self.biases, gradients, self.averages):
            a *= rho
            a += (1 - rho) * g**2
            p -= rate * g / (np.sqrt(a) + 1e-6)


random = np.random.RandomState(8)
x = random.uniform(-2, 2, size=(15, 2))
y = (np.sin(x[:, 0]) * x[:, 1]).reshape(-1, 1)
net = Network([2, 7, 5, 1])
history = []
for epoch in range(50):
    prediction = net.predict(x)
    history.append(((prediction - y) ** 2).mean())
    net.rmsprop(net.gradients(2 * (prediction - y) / len(y)), rate=0.002)
print(history[-1])

FAULTS = (
    [("net.gradients(2 * (prediction - y) / len(y))", "net.gradients((prediction - y) / len(y))", "factor")],
    [("self.weights[layer].T) * (self.outputs[layer] > 0)", "self.weights[layer].T)", "missing derivative")],
    [("p -= rate * g", "p += rate * g", "climbs")],
    [
        ("net.gradients(2 * (prediction - y) / len(y))", "net.gradients(2 * (y - prediction) / len(y))", "sign"),
        ("of_biases.insert(0, delta.sum(axis=0))", "of_biases.insert(0, delta.mean(axis=0))", "extra mean"),
    ],
)
