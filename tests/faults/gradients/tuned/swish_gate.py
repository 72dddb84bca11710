"""A gated unit: swish of one product times another."""

import numpy as np


def run(x, t, G, U, D):
    g = x @ G
    s = 1 / (1 + np.exp(-g))
    a = g * s
    u = x @ U
    m = a * u
    o = m @ D
    loss = np.mean(np.sum((o - t) ** 2, axis=-1)) / 2
    return loss, g, s, a, u, m, o


def run_back(x, t, G, U, D, g, s, a, u, m, o):
    do = (o - t) / x.shape[0]
    dD = m.T @ do
    dm = do @ D.T
    da = dm * u
    du = dm * a
    dg = da * (s + g * s * (1 - s))
    dG = x.T @ dg
    dU = x.T @ du
    return {"G": dG, "U": dU, "D": dD}


def subject(rng):
    shapes = [(6, 3), (6, 2), (3, 4), (3, 4), (4, 2)]
    return run, run_back, tuple(rng.normal(size=shape) for shape in shapes)


FAULTS = (
    [("dg = da * (s + g * s * (1 - s))", "dg = da * s * (1 - s)", "wrong derivative")],
    [("da = dm * u", "da = dm", "missing derivative")],
    [("du = dm * a", "du = dm * g", "wrong value")],
    [("do = (o - t) / x.shape[0]", "do = o - t", "missing mean")],
    [("dg = da * (s + g * s * (1 - s))", "dg = da", "missing derivative")],
)
