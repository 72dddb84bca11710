"""Pairs that are to be near or far apart, by the square of their distance and a margin."""

import numpy as np


def pair_loss(E, left, right, same):
    d = E[left] - E[right]
    dist = np.sum(d * d, axis=1)
    hinge = np.maximum(0, 4.0 - dist)
    return np.mean(same * dist + (1 - same) * hinge)


def pair_grad(E, left, right, same):
    d = E[left] - E[right]
    dist = np.sum(d * d, axis=1)
    ddist = (same - (1 - same) * (dist < 4.0)) / len(same)
    dd = 2 * ddist[:, None] * d
    dE = np.zeros_like(E)
    np.add.at(dE, left, dd)
    np.add.at(dE, right, -dd)
    return dE


def subject(rng):
    args = (rng.normal(size=(6, 3)), rng.integers(0, 6, 9), rng.integers(0, 6, 9), (rng.random(9) > 0.5).astype(float))
    return pair_loss, pair_grad, args, {"wrt": ["E"]}


FAULTS = (
    [("dd = 2 * ddist[:, None] * d", "dd = ddist[:, None] * d", "factor")],
    [("np.add.at(dE, right, -dd)", "np.add.at(dE, right, dd)", "sign")],
    [("    np.add.at(dE, right, -dd)\n", "", "missing path")],
    [(" / len(same)", "", "missing mean")],
)
