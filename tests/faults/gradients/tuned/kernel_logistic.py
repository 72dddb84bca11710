"""Logistic regression with a kernel: one weight per sample, and the norm of the function as penalty."""

import numpy as np


class KernelClassifier:
    def __init__(self, rng, samples):
        self.alpha = rng.normal(size=samples)
        self.offset = rng.normal(size=1)
        self.strength = 0.02

    def objective(self, K, t):
        self.K, self.t = K, t
        self.f = K @ self.alpha + self.offset
        self.margin = t * self.f
        fit = np.log1p(np.exp(-self.margin)).mean()
        return fit + 0.5 * self.strength * self.alpha @ K @ self.alpha

    def gradient(self):
        p = 1.0 / (1.0 + np.exp(self.margin))
        df = -self.t * p / len(self.t)
        grad_alpha = self.K.T @ df + self.strength * self.K @ self.alpha
        grad_offset = df.sum(keepdims=True)
        return {"alpha": grad_alpha, "offset": grad_offset}


def subject(rng):
    points = rng.normal(size=(6, 2))
    K = np.exp(-((points[:, None] - points[None]) ** 2).sum(-1))
    t = np.where(rng.random(6) < 0.5, -1.0, 1.0)
    model = KernelClassifier(rng, 6)
    return model.objective, model.gradient, (K, t)


FAULTS = (
    [("df = -self.t * p / len(self.t)", "df = self.t * p / len(self.t)", "sign")],
    [("df = -self.t * p / len(self.t)", "df = -self.t * p", "missing mean")],
    [("df = -self.t * p / len(self.t)", "df = -p / len(self.t)", "missing derivative")],
    [(" + self.strength * self.K @ self.alpha", "", "missing path")],
    [("self.strength * self.K @ self.alpha", "2 * self.strength * self.K @ self.alpha", "factor")],
    [("df.sum(keepdims=True)", "df", "not summed")],
    [
        ("df = -self.t * p / len(self.t)", "df = -self.t * p", "missing mean"),
        (" + self.strength * self.K @ self.alpha", " - self.strength * self.K @ self.alpha", "sign"),
    ],
)
