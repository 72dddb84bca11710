"""A recurrent net over a sequence, classified at its last step, in a class."""

import numpy as np


class RNN:
    def __init__(self, rng, inputs, hidden, classes):
        self.Wxh = rng.normal(size=(inputs, hidden))
        self.Whh = 0.5 * rng.normal(size=(hidden, hidden))
        self.bh = np.zeros(hidden)
        self.Why = rng.normal(size=(hidden, classes))
        self.by = np.zeros(classes)

    def forward(self, xs, labels):
        self.xs, self.labels = xs, labels
        self.hs = [np.zeros((xs.shape[0], self.bh.size))]
        for t in range(xs.shape[1]):
            self.hs.append(np.tanh(xs[:, t] @ self.Wxh + self.hs[-1] @ self.Whh + self.bh))
        scores = self.hs[-1] @ self.Why + self.by
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.probs = e / e.sum(axis=1, keepdims=True)
        return np.mean(-np.log(self.probs[np.arange(len(labels)), labels]))

    def backward(self):
        n = len(self.labels)
        dscores = self.probs.copy()
        dscores[np.arange(n), self.labels] -= 1
        dscores /= n
        self.dWhy = self.hs[-1].T @ dscores
        self.dby = dscores.sum(axis=0)
        dh = dscores @ self.Why.T
        self.dWxh, self.dWhh, self.dbh = np.zeros_like(self.Wxh), np.zeros_like(self.Whh), np.zeros_like(self.bh)
        for t in reversed(range(self.xs.shape[1])):
            draw = (1 - self.hs[t + 1] ** 2) * dh
            self.dWxh += self.xs[:, t].T @ draw
            self.dWhh += self.hs[t].T @ draw
            self.dbh += draw.sum(axis=0)
            dh = draw @ self.Whh.T


def subject(rng):
    net = RNN(rng, 3, 4, 5)
    return net.forward, net.backward, (rng.normal(size=(6, 3, 3)), rng.integers(0, 5, 6))


FAULTS = (
    [("        dscores /= n\n", "", "missing mean")],
    [("draw = (1 - self.hs[t + 1] ** 2) * dh", "draw = (1 - self.hs[t] ** 2) * dh", "wrong value")],
    [("draw = (1 - self.hs[t + 1] ** 2) * dh", "draw = dh", "missing derivative")],
    [("dh = draw @ self.Whh.T", "dh = draw @ self.Whh", "transpose")],
    [("self.dby = dscores.sum(axis=0)", "self.dby = dscores.mean(axis=0)", "extra mean")],
    [
        ("        dscores /= n\n", "", "missing mean"),
        ("self.dWhy = self.hs[-1].T @ dscores", "self.dWhy = -self.hs[-1].T @ dscores", "sign"),
    ],
)
