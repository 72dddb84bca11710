"""Matrix factorization of ratings of which some are missing: factors, biases, a global mean, and a penalty."""

import numpy as np


class RatingModel:
    def __init__(self, rng, users, items, rank, penalty=0.15):
        self.P = rng.normal(size=(users, rank))
        self.Q = rng.normal(size=(items, rank))
        self.bu = rng.normal(size=users)
        self.bi = rng.normal(size=items)
        self.mu = np.array(0.5)
        self.penalty = penalty

    def objective(self, ratings, observed):
        self.observed = observed
        self.count = np.sum(observed)
        predicted = self.mu + self.bu[:, None] + self.bi[None, :] + self.P @ self.Q.T
        self.error = observed * (ratings - predicted)
        fit = np.sum(self.error**2) / self.count
        return fit + self.penalty * (np.sum(self.P**2) + np.sum(self.Q**2))

    def gradient(self):
        e = -2 * self.error / self.count
        return {
            "P": e @ self.Q + 2 * self.penalty * self.P,
            "Q": e.T @ self.P + 2 * self.penalty * self.Q,
            "bu": e.sum(axis=1),
            "bi": e.sum(axis=0),
            "mu": e.sum(),
        }


def subject(rng):
    model = RatingModel(rng, 5, 7, 3)
    observed = (rng.random((5, 7)) < 0.6).astype(float)
    observed[0, 0] = 1.0
    return model.objective, model.gradient, (rng.normal(size=(5, 7)), observed)


FAULTS = (
    [('"bu": e.sum(axis=1)', '"bu": e.sum(axis=0)', "wrong axis")],
    [("e = -2 * self.error / self.count", "e = 2 * self.error / self.count", "sign")],
    [
        ("+ 2 * self.penalty * self.P", "- 2 * self.penalty * self.P", "sign"),
        ("+ 2 * self.penalty * self.Q", "+ self.penalty * self.Q", "factor"),
    ],
    [
        ("e = -2 * self.error / self.count", "e = -2 * self.error", "missing mean"),
        ("+ 2 * self.penalty * self.Q", "", "missing path"),
    ],
)
