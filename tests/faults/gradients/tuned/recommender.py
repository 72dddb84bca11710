"""Ratings from a mean, two biases and two tables of factors, with a mask of the ratings that are known."""

import numpy as np


class Recommender:
    def __init__(self, users, items, rank, rng):
        self.P = rng.normal(scale=0.5, size=(users, rank))
        self.Q = rng.normal(scale=0.5, size=(items, rank))
        self.bu = rng.normal(size=users)
        self.bi = rng.normal(size=items)
        self.reg = 0.05

    def loss(self, R, known):
        predicted = self.P @ self.Q.T + self.bu[:, None] + self.bi[None, :] + 3.0
        self.E = known * (predicted - R)
        self.count = known.sum()
        fit = np.sum(self.E**2) / self.count
        penalty = self.reg * (np.sum(self.P**2) + np.sum(self.Q**2))
        return fit + penalty

    def gradients(self):
        dE = 2 * self.E / self.count
        dP = dE @ self.Q + 2 * self.reg * self.P
        dQ = dE.T @ self.P + 2 * self.reg * self.Q
        dbu = dE.sum(axis=1)
        dbi = dE.sum(axis=0)
        return dP, dQ, dbu, dbi


def subject(rng):
    model = Recommender(6, 5, 3, rng)
    R = rng.integers(1, 6, (6, 5)).astype(float)
    known = (rng.random((6, 5)) < 0.7).astype(float)
    return model.loss, model.gradients, (R, known), {"wrt": ["P", "Q", "bu", "bi"]}


FAULTS = (
    [("dE = 2 * self.E / self.count", "dE = 2 * self.E", "missing mean")],
    [("dE = 2 * self.E / self.count", "dE = self.E / self.count", "factor")],
    [("dQ = dE.T @ self.P + 2 * self.reg * self.Q", "dQ = dE.T @ self.P", "missing path")],
    [("dQ = dE.T @ self.P + 2 * self.reg * self.Q", "dQ = dE.T @ self.P + self.reg * self.Q", "factor")],
    [("dP = dE @ self.Q + 2 * self.reg * self.P", "dP = dE @ self.Q - 2 * self.reg * self.P", "sign")],
    [("dbu = dE.sum(axis=1)", "dbu = dE.mean(axis=1)", "extra mean")],
    [("dbi = dE.sum(axis=0)", "dbi = dE.sum()", "wrong axis")],
    [
        ("dbi = dE.sum(axis=0)", "dbi = -dE.sum(axis=0)", "sign"),
        (
            "dP = dE @ self.Q + 2 * self.reg * self.P",
            "dP = dE @ self.Q + 2 * self.reg * self.Q.sum(axis=0)",
            "wrong value",
        ),
    ],
)
