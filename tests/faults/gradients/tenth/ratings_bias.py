"""Ratings as a product of two tables and their biases, where they are known; a penalty on the tables."""

import numpy as np


def cost(R, known, P, Q, bu, bi, lam):
    predicted = P @ Q.T + bu[:, None] + bi[None, :]
    E = known * (predicted - R)
    return np.sum(E**2) / known.sum() + lam * (np.sum(P**2) + np.sum(Q**2))


def gradients(R, known, P, Q, bu, bi, lam):
    E = known * (P @ Q.T + bu[:, None] + bi[None, :] - R)
    count = known.sum()
    G = 2 * E / count
    gP = G @ Q + 2 * lam * P
    gQ = G.T @ P + 2 * lam * Q
    gbu = G.sum(axis=1)
    gbi = G.sum(axis=0)
    return gP, gQ, gbu, gbi


def subject(rng):
    known = np.array([[1, 0, 1, 1, 0], [0, 1, 1, 0, 1], [1, 1, 0, 0, 1], [0, 1, 1, 1, 0], [1, 0, 0, 1, 1]]).astype(
        float
    )
    tables = rng.normal(size=(5, 2)), rng.normal(size=(5, 2)), rng.normal(size=5), rng.normal(size=5)
    return cost, gradients, (rng.normal(size=(5, 5)), known, *tables, 0.1), {"wrt": ["P", "Q", "bu", "bi"]}


FAULTS = (
    [("gbu = G.sum(axis=1)", "gbu = G.sum(axis=1) + 2 * lam * bu", "extra path")],
    [("gQ = G.T @ P + 2 * lam * Q", "gQ = G @ P + 2 * lam * Q", "transpose")],
    [("gbi = G.sum(axis=0)", "gbi = G.sum(axis=1)", "wrong axis")],
    [("G = 2 * E / count", "G = 2 * E", "missing mean")],
    [
        ("gP = G @ Q + 2 * lam * P", "gP = G @ Q", "missing path"),
        ("gQ = G.T @ P + 2 * lam * Q", "gQ = G.T @ Q + 2 * lam * Q", "wrong value"),
    ],
)
