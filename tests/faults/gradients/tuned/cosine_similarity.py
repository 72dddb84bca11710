"""Pairs of projections that are to point the same way."""

import numpy as np


def dissimilarity(a, b, P):
    p, q = a @ P, b @ P
    pn = np.sqrt((p * p).sum(axis=1, keepdims=True))
    qn = np.sqrt((q * q).sum(axis=1, keepdims=True))
    c = (p * q).sum(axis=1, keepdims=True) / (pn * qn)
    return (1 - c).mean(), (p, q, pn, qn, c)


def dissimilarity_grad(a, b, P, state):
    p, q, pn, qn, c = state
    n = len(a)
    dc = -1.0 / n
    dp = dc * (q / (pn * qn) - c * p / pn**2)
    dq = dc * (p / (pn * qn) - c * q / qn**2)
    return a.T @ dp + b.T @ dq


def subject(rng):
    return (
        dissimilarity,
        dissimilarity_grad,
        (rng.normal(size=(7, 4)), rng.normal(size=(7, 4)), rng.normal(size=(4, 3))),
        {"wrt": ["P"]},
    )


FAULTS = (
    [("return a.T @ dp + b.T @ dq", "return a.T @ dp", "missing path")],
    [("dc = -1.0 / n", "dc = 1.0 / n", "sign")],
    [("dc = -1.0 / n", "dc = -1.0", "missing mean")],
    [("dp = dc * (q / (pn * qn) - c * p / pn**2)", "dp = dc * q / (pn * qn)", "missing path")],
)
