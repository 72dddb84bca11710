"""Ratings as products of two tables of factors."""

import numpy as np


def cost(users, items, ratings, P, Q):
    p, q = P[users], Q[items]
    e = np.sum(p * q, axis=1) - ratings
    return np.mean(e**2)


def cost_grad(users, items, ratings, P, Q):
    p, q = P[users], Q[items]
    e = np.sum(p * q, axis=1) - ratings
    g = 2 * e[:, None] / len(ratings)
    dP, dQ = np.zeros_like(P), np.zeros_like(Q)
    np.add.at(dP, users, g * q)
    np.add.at(dQ, items, g * p)
    return {"P": dP, "Q": dQ}


def subject(rng):
    return (
        cost,
        cost_grad,
        (
            rng.integers(0, 5, 9),
            rng.integers(0, 6, 9),
            3 * rng.random(9) + 0.5,
            rng.normal(size=(5, 3)),
            rng.normal(size=(6, 3)),
        ),
    )


FAULTS = (
    [("np.add.at(dP, users, g * q)", "np.add.at(dP, users, g * p)", "wrong value")],
    [("g = 2 * e[:, None] / len(ratings)", "g = e[:, None] / len(ratings)", "factor")],
    [("np.add.at(dQ, items, g * p)", "np.add.at(dQ, items, -g * p)", "sign")],
    [("g = 2 * e[:, None] / len(ratings)", "g = 2 * e[:, None]", "missing mean")],
)
