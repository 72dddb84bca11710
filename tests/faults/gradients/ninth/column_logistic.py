"""A hidden layer and a logistic output of one column, binary cross-entropy, labels as a flat vector."""

import numpy as np


class BinaryNet:
    def __init__(self, rng, n_in, n_hidden):
        self.w1 = rng.normal(size=(n_in, n_hidden))
        self.b1 = rng.normal(size=n_hidden)
        self.w2 = rng.normal(size=(n_hidden, 1))
        self.b2 = rng.normal(size=1)

    def fit_loss(self, X, y):
        self.X, self.y = X, y.reshape(-1, 1)
        self.labels = y
        self.a1 = np.tanh(X @ self.w1 + self.b1)
        self.out = 1 / (1 + np.exp(-(self.a1 @ self.w2 + self.b2)))
        return -np.mean(self.y * np.log(self.out) + (1 - self.y) * np.log(1 - self.out))

    def fit_backward(self):
        m = len(self.X)
        delta_out = (self.out - self.y) / m
        grad_w2 = self.a1.T @ delta_out
        grad_b2 = np.sum(delta_out, axis=0)
        delta_1 = (delta_out @ self.w2.T) * (1 - self.a1**2)
        grad_w1 = self.X.T @ delta_1
        grad_b1 = np.sum(delta_1, axis=0)
        return {"w1": grad_w1, "b1": grad_b1, "w2": grad_w2, "b2": grad_b2}


def subject(rng):
    net = BinaryNet(rng, 3, 5)
    return net.fit_loss, net.fit_backward, (rng.normal(size=(7, 3)), rng.integers(0, 2, 7) * 1.0)


FAULTS = (
    [("grad_b2 = np.sum(delta_out, axis=0)", "grad_b2 = np.array([np.sum(self.out - self.labels) / m])", "broadcast")],
    [
        (
            "delta_out = (self.out - self.y) / m",
            "delta_out = (self.out - self.y) * self.out * (1 - self.out) / m",
            "output derivative twice",
        )
    ],
    [
        ("grad_b1 = np.sum(delta_1, axis=0)", "grad_b1 = np.sum(delta_1, axis=1)", "wrong axis"),
        ("delta_out = (self.out - self.y) / m", "delta_out = (self.y - self.out) / m", "sign"),
    ],
    [
        (
            "delta_1 = (delta_out @ self.w2.T) * (1 - self.a1**2)",
            "delta_1 = delta_out @ self.w2.T",
            "missing derivative",
        ),
        ("delta_out = (self.out - self.y) / m", "delta_out = (self.out - (2 * self.y - 1)) / m", "wrong target"),
    ],
)
