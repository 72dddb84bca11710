"""Averages of word vectors without the padding, two dense layers, binary cross-entropy: a first text classifier."""

import numpy as np


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


class BagOfWords:
    def __init__(self, rng, words, d, h):
        self.p = {
            "emb": rng.normal(size=(words, d)),
            "W": rng.normal(size=(d, h)),
            "b": rng.normal(size=h),
            "w": rng.normal(size=h),
            "c": rng.normal(),
        }
        self.g = {}

    def forward(self, tokens, mask, y):
        p = self.p
        self.lengths = mask.sum(axis=1, keepdims=True)
        self.mean = (p["emb"][tokens] * mask[:, :, None]).sum(axis=1) / self.lengths
        self.z = self.mean @ p["W"] + p["b"]
        self.a = self.z * (self.z > 0)
        self.prob = sigmoid(self.a @ p["w"] + p["c"])
        self.tokens, self.mask, self.y = tokens, mask, y
        return -(y * np.log(self.prob) + (1 - y) * np.log(1 - self.prob)).mean()

    def backward(self):
        n = len(self.y)
        d_prob = (-self.y / self.prob + (1 - self.y) / (1 - self.prob)) / n
        d_logit = d_prob * self.prob * (1 - self.prob)
        self.g["w"] = self.a.T @ d_logit
        self.g["c"] = d_logit.sum()
        d_a = np.outer(d_logit, self.p["w"])
        d_z = d_a * (self.z > 0)
        self.g["W"] = self.mean.T @ d_z
        self.g["b"] = d_z.sum(axis=0)
        d_mean = d_z @ self.p["W"].T
        d_words = self.mask[:, :, None] * (d_mean / self.lengths)[:, None, :]
        self.g["emb"] = np.zeros_like(self.p["emb"])
        np.add.at(self.g["emb"], self.tokens, d_words)


def subject(rng):
    model = BagOfWords(rng, 9, 3, 4)
    mask = (np.arange(4) < np.array([4, 2, 3, 1, 3])[:, None]).astype(float)
    return model.forward, model.backward, (rng.integers(0, 9, (5, 4)), mask, rng.integers(0, 2, 5) * 1.0)


FAULTS = (
    [('np.add.at(self.g["emb"], self.tokens, d_words)', 'self.g["emb"][self.tokens] += d_words', "missing path")],
    [("(d_mean / self.lengths)[:, None, :]", "d_mean[:, None, :]", "missing mean")],
    [("d_logit = d_prob * self.prob * (1 - self.prob)", "d_logit = d_prob", "missing derivative")],
    [
        (
            "d_prob = (-self.y / self.prob + (1 - self.y) / (1 - self.prob)) / n",
            "d_prob = (-self.y / self.prob - (1 - self.y) / (1 - self.prob)) / n",
            "sign",
        ),
        ('self.g["b"] = d_z.sum(axis=0)', 'self.g["b"] = d_z.sum(axis=1)', "wrong axis"),
    ],
)
