"""A sentence is the mean of its word vectors; a tanh layer and a softmax tell its class."""

import numpy as np


class SentenceClassifier:
    def __init__(self, vocabulary, width, hidden, classes, rng):
        self.params = {
            "E": rng.normal(size=(vocabulary, width)),
            "W": rng.normal(size=(width, hidden)),
            "b": rng.normal(size=hidden),
            "V": rng.normal(size=(hidden, classes)),
        }
        self.grads = {}

    def forward(self, words, labels):
        p = self.params
        self.mean = p["E"][words].mean(axis=1)
        self.hidden = np.tanh(self.mean @ p["W"] + p["b"])
        scores = self.hidden @ p["V"]
        self.probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return -np.log(self.probs[np.arange(len(labels)), labels]).mean()

    def backward(self, words, labels):
        count, length = words.shape
        delta = self.probs - np.eye(self.probs.shape[1])[labels]
        delta = delta / count
        self.grads["V"] = self.hidden.T @ delta
        dhidden = delta @ self.params["V"].T
        inner = dhidden * (1 - self.hidden**2)
        self.grads["b"] = inner.sum(axis=0)
        self.grads["W"] = self.mean.T @ inner
        dmean = inner @ self.params["W"].T
        dE = np.zeros_like(self.params["E"])
        for k in range(length):
            np.add.at(dE, words[:, k], dmean / length)
        self.grads["E"] = dE


def subject(rng):
    model = SentenceClassifier(7, 3, 5, 3, rng)
    return (
        model.forward,
        model.backward,
        (np.array([[0, 2, 2], [4, 1, 6], [5, 2, 3], [1, 1, 0]]), np.array([0, 2, 1, 2])),
    )


FAULTS = (
    [("words[:, k], dmean / length)", "words[:, k], dmean)", "missing mean")],
    [
        (
            "inner = dhidden * (1 - self.hidden**2)",
            "inner = dhidden * self.hidden * (1 - self.hidden)",
            "wrong derivative",
        )
    ],
    [("(self.probs.shape[1])[labels]", "(self.probs.shape[1])[labels - 1]", "wrong target")],
    [("    delta = delta / count\n", "    delta = delta / count / count\n", "extra mean")],
    [
        ('self.grads["b"] = inner.sum(axis=0)', 'self.grads["b"] = inner', "not summed"),
        ('self.grads["V"] = self.hidden.T @ delta', 'self.grads["V"] = -self.hidden.T @ delta', "sign"),
    ],
)
