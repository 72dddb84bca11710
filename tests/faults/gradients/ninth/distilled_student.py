"""A student learns from labels and from a teacher's softened scores; the soft part carries T² as usual."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Student:
    T, mix = 3.0, 0.4

    def __init__(self, rng, n_in, n_hidden, n_classes):
        self.W1 = rng.normal(size=(n_in, n_hidden))
        self.W2 = rng.normal(size=(n_hidden, n_classes))
        self.b2 = rng.normal(size=n_classes)

    def loss(self, X, onehot, teacher):
        self.X, self.onehot = X, onehot
        self.z = X @ self.W1
        self.h = np.where(self.z > 0, self.z, 0.2 * self.z)
        scores = self.h @ self.W2 + self.b2
        self.hard, self.soft = softmax(scores), softmax(scores / self.T)
        self.target = softmax(teacher / self.T)
        ce = -np.sum(onehot * np.log(self.hard)) / len(X)
        kl = -np.sum(self.target * np.log(self.soft)) / len(X)
        return self.mix * ce + (1 - self.mix) * self.T**2 * kl

    def backward(self):
        n = len(self.X)
        d_hard = self.mix * (self.hard - self.onehot)
        d_soft = (1 - self.mix) * self.T * (self.soft - self.target)
        d_scores = (d_hard + d_soft) / n
        dW2 = self.h.T @ d_scores
        db2 = d_scores.sum(axis=0)
        dz = (d_scores @ self.W2.T) * np.where(self.z > 0, 1, 0.2)
        dW1 = self.X.T @ dz
        return {"W1": dW1, "W2": dW2, "b2": db2}


def subject(rng):
    net = Student(rng, 4, 5, 3)
    return (
        net.loss,
        net.backward,
        (rng.normal(size=(7, 4)), np.eye(3)[rng.integers(0, 3, 7)], 3 * rng.normal(size=(7, 3))),
    )


FAULTS = (
    [("d_soft = (1 - self.mix) * self.T * (self.soft", "d_soft = (1 - self.mix) * self.T**2 * (self.soft", "factor")],
    [
        (
            "d_soft = (1 - self.mix) * self.T * (self.soft - self.target)",
            "d_soft = (1 - self.mix) * self.T * (self.soft - self.onehot)",
            "wrong target",
        )
    ],
    [
        ("d_scores = (d_hard + d_soft) / n", "d_scores = d_soft / n", "missing path"),
        ("np.where(self.z > 0, 1, 0.2)", "np.where(self.z > 0, 1, 0)", "wrong derivative"),
    ],
)
