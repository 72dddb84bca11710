"""Softmax with label smoothing and class weights; a gelu layer in the sigmoid approximation, dropout by a fixed mask."""

import numpy as np

K = 1.702


def sig(z):
    return 1 / (1 + np.exp(-z))


class Classifier:
    eps = 0.1
    keep = 0.75

    def __init__(self, rng, n_in, n_hidden, n_classes):
        self.W1 = rng.normal(size=(n_in, n_hidden))
        self.b1 = rng.normal(size=n_hidden)
        self.W2 = rng.normal(size=(n_hidden, n_classes))
        self.b2 = rng.normal(size=n_classes)
        self.class_weight = np.linspace(0.5, 1.7, n_classes)

    def loss(self, X, y, mask):
        self.X, self.mask = X, mask
        n_classes = len(self.b2)
        self.a = X @ self.W1 + self.b1
        self.h = self.a * sig(K * self.a)
        self.d = self.h * mask / self.keep
        logits = self.d @ self.W2 + self.b2
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        self.soft = (1 - self.eps) * np.eye(n_classes)[y] + self.eps / n_classes
        self.w = self.class_weight[y]
        return -np.sum(self.w[:, None] * self.soft * np.log(self.p)) / len(X)

    def grads(self):
        n = len(self.X)
        dlogits = self.w[:, None] * (self.p - self.soft) / n
        dW2 = self.d.T @ dlogits
        db2 = dlogits.sum(axis=0)
        dd = dlogits @ self.W2.T
        dh = dd * self.mask / self.keep
        s = sig(K * self.a)
        da = dh * (s + K * self.a * s * (1 - s))
        dW1 = self.X.T @ da
        db1 = da.sum(axis=0)
        return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


def subject(rng):
    net = Classifier(rng, 3, 6, 4)
    mask = (rng.random((7, 6)) < 0.75) * 1.0
    return net.loss, net.grads, (rng.normal(size=(7, 3)), rng.integers(0, 4, 7), mask)


FAULTS = (
    [
        (
            "dlogits = self.w[:, None] * (self.p - self.soft) / n",
            "dlogits = self.w[:, None] * (self.p - (self.soft > 0.5)) / n",
            "wrong target",
        )
    ],
    [("dh = dd * self.mask / self.keep", "dh = dd", "missing derivative")],
    [
        (
            "dlogits = self.w[:, None] * (self.p - self.soft) / n",
            "dlogits = self.w[:, None] * (self.p - self.soft)",
            "missing mean",
        ),
        ("da = dh * (s + K * self.a * s * (1 - s))", "da = dh", "missing derivative"),
    ],
)
