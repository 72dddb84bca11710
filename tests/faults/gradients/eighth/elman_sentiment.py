"""A simple recurrent net over word vectors; the last state says whether a review was good."""

import numpy as np


class Elman:
    def __init__(self, rng, n_in, n_hidden):
        self.U = rng.normal(size=(n_in, n_hidden)) * 0.6
        self.V = rng.normal(size=(n_hidden, n_hidden)) * 0.6
        self.c = rng.normal(size=n_hidden) * 0.1
        self.w = rng.normal(size=n_hidden)
        self.d = np.zeros(1)

    def loss(self, words, good):
        """words: (batch, time, n_in)."""
        self.words, self.good = words, good
        self.states = [np.zeros((len(words), len(self.c)))]
        self.pre = []
        for t in range(words.shape[1]):
            a = words[:, t] @ self.U + self.states[-1] @ self.V + self.c
            self.pre.append(a)
            self.states.append(np.arctan(a))
        self.logit = self.states[-1] @ self.w + self.d
        return np.mean(np.log(1 + np.exp(-self.good * self.logit)))

    def backward(self):
        dlogit = -self.good / (1 + np.exp(self.good * self.logit)) / len(self.good)
        self.dw = self.states[-1].T @ dlogit
        self.dd = np.array([dlogit.sum()])
        self.dU, self.dV, self.dc = np.zeros_like(self.U), np.zeros_like(self.V), np.zeros_like(self.c)
        dh = np.outer(dlogit, self.w)
        for t in range(self.words.shape[1] - 1, -1, -1):
            da = dh / (1 + self.pre[t] ** 2)
            self.dU += self.words[:, t].T @ da
            self.dV += self.states[t].T @ da
            self.dc += da.sum(axis=0)
            dh = da @ self.V.T


def subject(rng):
    net = Elman(rng, 3, 4)
    return net.loss, net.backward, (rng.normal(size=(5, 3, 3)), rng.choice([-1.0, 1.0], 5))


FAULTS = (
    [("da = dh / (1 + self.pre[t] ** 2)", "da = dh / (1 + self.states[t + 1] ** 2)", "derivative at the output")],
    [("self.dV += self.states[t].T @ da", "self.dV += self.states[t + 1].T @ da", "wrong value")],
    [
        (
            "dlogit = -self.good / (1 + np.exp(self.good * self.logit)) / len(self.good)",
            "dlogit = -self.good / (1 + np.exp(self.good * self.logit))",
            "missing mean",
        ),
        ("dh = da @ self.V.T", "dh = da @ self.V", "transpose"),
    ],
)
