"""Label smoothing over a classifier with a temperature, written with small functions."""

import numpy as np


def one_hot(labels, classes):
    table = np.zeros((labels.size, classes))
    table[np.arange(labels.size), labels] = 1.0
    return table


def softmax(z):
    shifted = np.exp(z - z.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


class SmoothedClassifier:
    def __init__(self, rng, features, hidden, classes):
        self.W1 = rng.normal(size=(features, hidden))
        self.W2 = rng.normal(size=(hidden, classes))
        self.b2 = rng.normal(size=classes)
        self.temperature, self.smoothing, self.classes = 1.7, 0.15, classes

    def loss(self, X, labels):
        self.X = X
        self.hard = one_hot(labels, self.classes)
        self.soft = self.hard * (1 - self.smoothing) + self.smoothing / self.classes
        self.hidden = np.sin(X @ self.W1)
        self.probs = softmax((self.hidden @ self.W2 + self.b2) / self.temperature)
        return np.mean(np.sum(-self.soft * np.log(self.probs), axis=1))

    def backward(self):
        delta = (self.probs - self.soft) / len(self.X) / self.temperature
        self.dW2 = np.matmul(self.hidden.T, delta)
        self.db2 = np.sum(delta, axis=0)
        dhidden = np.matmul(delta, self.W2.T)
        self.dW1 = np.matmul(self.X.T, dhidden * np.cos(self.X @ self.W1))


def subject(rng):
    model = SmoothedClassifier(rng, 4, 5, 3)
    return model.loss, model.backward, (rng.normal(size=(7, 4)), rng.integers(0, 3, 7))


FAULTS = (
    [
        (
            "delta = (self.probs - self.soft) / len(self.X) / self.temperature",
            "delta = (self.probs - self.soft) / len(self.X)",
            "factor",
        )
    ],
    [("delta = (self.probs - self.soft)", "delta = (self.probs - self.hard)", "wrong target")],
    [("np.cos(self.X @ self.W1)", "np.cos(self.hidden)", "derivative at the output")],
    [
        (
            "delta = (self.probs - self.soft)",
            "delta = (self.probs - self.soft) * self.probs * (1 - self.probs)",
            "output derivative twice",
        ),
        ("dhidden * np.cos(self.X @ self.W1)", "dhidden", "missing derivative"),
    ],
)
