"""Logistic loss for labels −1 and 1."""

import numpy as np


class Margin:
    def __init__(self, rng):
        self.weight = rng.normal(size=5)
        self.bias = np.zeros(1)

    def loss(self, x, labels):
        self.x, self.labels = x, labels
        self.margin = labels * (x @ self.weight + self.bias)
        return np.mean(np.log(1 + np.exp(-self.margin)))

    def gradient(self):
        d_margin = -1 / (1 + np.exp(self.margin)) / len(self.labels)
        d_score = d_margin * self.labels
        self.weight_grad = self.x.T @ d_score
        self.bias_grad = d_score.sum(keepdims=True)


def subject(rng):
    model = Margin(rng)
    return model.loss, model.gradient, (rng.normal(size=(8, 5)), np.where(rng.random(8) > 0.5, 1.0, -1.0))


FAULTS = (
    [("d_margin = -1 / (1", "d_margin = 1 / (1", "sign")],
    [(" / len(self.labels)", "", "missing mean")],
    [("d_score = d_margin * self.labels", "d_score = d_margin * (self.labels + 1) / 2", "wrong target")],
    [("d_score = d_margin * self.labels", "d_score = d_margin", "missing derivative")],
)
