"""Two inputs through one net, the absolute difference, and the probability that they are the same."""

import numpy as np


class Siamese:
    def __init__(self, rng):
        self.p = {
            "W": rng.normal(size=(4, 5)),
            "b": rng.normal(size=5),
            "v": rng.normal(size=5),
            "c": rng.normal(size=1),
        }

    def twin(self, x):
        return np.tanh(x @ self.p["W"] + self.p["b"])

    def loss(self, left, right, same):
        hl, hr = self.twin(left), self.twin(right)
        gap = np.abs(hl - hr)
        logit = gap @ self.p["v"] + self.p["c"]
        prob = 1 / (1 + np.exp(-logit))
        self.cache = left, right, same, hl, hr, gap, prob
        return -np.mean(same * np.log(prob) + (1 - same) * np.log(1 - prob))

    def gradients(self):
        left, right, same, hl, hr, gap, prob = self.cache
        g = {}
        dlogit = (prob - same) / same.shape[0]
        g["v"] = gap.T @ dlogit
        g["c"] = np.sum(dlogit, keepdims=True)
        dgap = dlogit[:, None] * self.p["v"]
        dhl = dgap * np.sign(hl - hr)
        dhr = -dgap * np.sign(hl - hr)
        dzl = dhl * (1 - hl**2)
        dzr = dhr * (1 - hr**2)
        g["W"] = left.T @ dzl + right.T @ dzr
        g["b"] = dzl.sum(0) + dzr.sum(0)
        return g


def subject(rng):
    model = Siamese(rng)
    return model.loss, model.gradients, (rng.normal(size=(6, 4)), rng.normal(size=(6, 4)), rng.integers(0, 2, 6) * 1.0)


FAULTS = (
    [("dhr = -dgap * np.sign(hl - hr)", "dhr = dgap * np.sign(hl - hr)", "sign")],
    [("dhl = dgap * np.sign(hl - hr)", "dhl = dgap", "missing derivative")],
    [('g["W"] = left.T @ dzl + right.T @ dzr', 'g["W"] = left.T @ dzl', "missing path")],
    [("dzr = dhr * (1 - hr**2)", "dzr = dhr * (1 - hl**2)", "wrong value")],
    [("dlogit = (prob - same) / same.shape[0]", "dlogit = (prob - (1 - same)) / same.shape[0]", "wrong target")],
    [
        (
            "dlogit = (prob - same) / same.shape[0]",
            "dlogit = (prob - same) * prob * (1 - prob) / same.shape[0]",
            "output derivative twice",
        )
    ],
    [
        ("dlogit = (prob - same) / same.shape[0]", "dlogit = prob - same", "missing mean"),
        ('g["b"] = dzl.sum(0) + dzr.sum(0)', 'g["b"] = dzl.sum(0)', "missing path"),
    ],
)
