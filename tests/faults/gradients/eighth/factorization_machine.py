"""A factorization machine for clicks: linear terms and pairwise interactions by the sum-of-squares trick."""

import numpy as np


class FactorizationMachine:
    def __init__(self, rng, n_features, k):
        self.w0 = rng.normal(size=1)
        self.w = rng.normal(size=n_features)
        self.V = rng.normal(size=(n_features, k)) * 0.5

    def logloss(self, X, clicks):
        self.X, self.clicks = X, clicks
        self.XV = X @ self.V
        interactions = 0.5 * np.sum(self.XV**2 - (X**2) @ (self.V**2), axis=1)
        z = self.w0 + X @ self.w + interactions
        self.prob = 1.0 / (1.0 + np.exp(-z))
        return -np.mean(clicks * np.log(self.prob) + (1 - clicks) * np.log(1 - self.prob))

    def gradients(self):
        g = (self.prob - self.clicks) / len(self.clicks)
        self.g_w0 = np.sum(g, keepdims=True)
        self.g_w = self.X.T @ g
        linear_part = self.X.T @ (g[:, None] * self.XV)
        square_part = (self.X**2).T @ g
        self.g_V = linear_part - square_part[:, None] * self.V
        return self.g_w0, self.g_w, self.g_V


def subject(rng):
    model = FactorizationMachine(rng, 4, 3)
    args = (rng.normal(size=(9, 4)), rng.integers(0, 2, 9).astype(float))
    return model.logloss, model.gradients, args, {"wrt": ("w0", "w", "V")}


FAULTS = (
    [("self.g_V = linear_part - square_part[:, None] * self.V", "self.g_V = linear_part", "missing path")],
    [
        (
            "self.g_V = linear_part - square_part[:, None] * self.V",
            "self.g_V = linear_part + square_part[:, None] * self.V",
            "sign",
        )
    ],
    [
        (
            "linear_part = self.X.T @ (g[:, None] * self.XV)",
            "linear_part = 2 * self.X.T @ (g[:, None] * self.XV)",
            "factor",
        )
    ],
    [
        ("self.g_w0 = np.sum(g, keepdims=True)", "self.g_w0 = np.mean(g, keepdims=True)", "extra mean"),
        (
            "g = (self.prob - self.clicks)",
            "g = (self.prob - self.clicks) * self.prob * (1 - self.prob)",
            "output derivative twice",
        ),
    ],
)
