"""A densely connected net: each layer sees all features before it, put side by side; PReLU with learned slopes."""

import numpy as np


class DenseNet:
    def __init__(self, rng, d, growth):
        self.d = d
        self.W1, self.a1 = rng.normal(size=(d, growth)), np.full(growth, 0.25)
        self.W2, self.a2 = rng.normal(size=(d + growth, growth)), np.full(growth, 0.1)
        self.w = rng.normal(size=d + 2 * growth)

    def loss(self, x, y):
        self.x, self.y = x, y
        self.z1 = x @ self.W1
        self.f1 = np.concatenate([x, np.where(self.z1 > 0, self.z1, self.a1 * self.z1)], axis=1)
        self.z2 = self.f1 @ self.W2
        self.f2 = np.concatenate([self.f1, np.where(self.z2 > 0, self.z2, self.a2 * self.z2)], axis=1)
        self.e = self.f2 @ self.w - y
        return np.mean(np.log(np.cosh(self.e)))

    def backward(self):
        de = np.tanh(self.e) / len(self.y)
        grads = {"w": self.f2.T @ de}
        df2 = np.outer(de, self.w)
        width = self.f1.shape[1]
        df1, dact2 = df2[:, :width], df2[:, width:]
        grads["a2"] = np.sum(np.where(self.z2 > 0, 0, dact2 * self.z2), axis=0)
        dz2 = dact2 * np.where(self.z2 > 0, 1, self.a2)
        grads["W2"] = self.f1.T @ dz2
        df1 = df1 + dz2 @ self.W2.T
        dact1 = df1[:, self.d :]
        grads["a1"] = np.sum(np.where(self.z1 > 0, 0, dact1 * self.z1), axis=0)
        dz1 = dact1 * np.where(self.z1 > 0, 1, self.a1)
        grads["W1"] = self.x.T @ dz1
        return grads


def subject(rng):
    net = DenseNet(rng, 3, 4)
    return net.loss, net.backward, (rng.normal(size=(7, 3)), rng.normal(size=7))


FAULTS = (
    [("df1 = df1 + dz2 @ self.W2.T", "df1 = dz2 @ self.W2.T", "missing path")],
    [
        (
            'grads["a2"] = np.sum(np.where(self.z2 > 0, 0, dact2 * self.z2), axis=0)',
            'grads["a2"] = np.where(self.z2 > 0, 0, dact2 * self.z2)',
            "not summed",
        )
    ],
    [
        (
            "de = np.tanh(self.e) / len(self.y)",
            "de = np.tanh(self.e) * (1 - np.tanh(self.e) ** 2) / len(self.y)",
            "extra derivative",
        )
    ],
    [
        ("dz1 = dact1 * np.where(self.z1 > 0, 1, self.a1)", "dz1 = dact1", "missing derivative"),
        ('grads["W2"] = self.f1.T @ dz2', 'grads["W2"] = -self.f1.T @ dz2', "sign"),
    ],
)
