"""A class that updates its weights while it goes back through its layers."""

import numpy as np


class Net:
    def __init__(self, rng):
        self.params = {"W1": rng.normal(size=(3, 4)), "W2": rng.normal(size=(4, 2))}
        self.grads = {}
        self.lr = 0.1

    def forward(self, x, y):
        self.x = x
        self.y = y
        self.h = np.tanh(x @ self.params["W1"])
        self.out = self.h @ self.params["W2"]
        return ((self.out - y) ** 2).sum() / len(x)

    def backward(self):
        dout = 2 * (self.out - self.y) / len(self.x)
        self.grads["W2"] = self.h.T @ dout
        dh = dout @ self.params["W2"].T
        self.params["W2"] -= self.lr * self.grads["W2"]
        dz = dh * (1 - self.h**2)
        self.grads["W1"] = self.x.T @ dz
        self.params["W1"] -= self.lr * self.grads["W1"]
        return self.grads


def subject(rng):
    net = Net(rng)
    return net.forward, net.backward, (rng.normal(size=(6, 3)), rng.normal(size=(6, 2)))


FAULTS = (
    [
        (
            """        dh = dout @ self.params["W2"].T
        self.params["W2"] -= self.lr * self.grads["W2"]
""",
            """        self.params["W2"] -= self.lr * self.grads["W2"]
        dh = dout @ self.params["W2"].T
""",
            "stale weights",
        )
    ],
    [("dz = dh * (1 - self.h**2)", "dz = dh * (1 - self.h) ** 2", "wrong derivative")],
    [("dout = 2 * (self.out - self.y) / len(self.x)", "dout = 2 * (self.out - self.y)", "missing mean")],
    [("dout = 2 * (self.out - self.y) / len(self.x)", "dout = (self.out - self.y) / len(self.x)", "factor")],
)
