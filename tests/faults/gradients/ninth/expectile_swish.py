"""Expectile regression (an asymmetric square) over one swish layer; named intermediate variables as in a derivation."""

import numpy as np


def expit(z):
    return 1 / (1 + np.exp(-z))


def objective(x, y, W, b, u, u0, tau=0.8):
    z = x @ W + b
    gate = expit(z)
    a = z * gate
    r = y - (a @ u + u0)
    weight = np.where(r > 0, tau, 1 - tau)
    return np.mean(weight * r**2), z, gate, a, r, weight


def objective_gradient(x, u, z, gate, a, r, weight):
    n = len(x)
    dr = 2 * weight * r / n
    dpred = -dr
    du = a.T @ dpred
    du0 = dpred.sum()
    da = np.outer(dpred, u)
    dz = da * (gate + z * gate * (1 - gate))
    dW = x.T @ dz
    db = dz.sum(axis=0)
    return {"W": dW, "b": db, "u": du, "u0": du0}


def subject(rng):
    x, y = rng.normal(size=(7, 3)), 2 * rng.normal(size=7)
    return (
        objective,
        objective_gradient,
        (x, y, rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=5), np.array(0.4)),
    )


FAULTS = (
    [("dz = da * (gate + z * gate * (1 - gate))", "dz = da * gate", "missing path")],
    [
        (
            "dz = da * (gate + z * gate * (1 - gate))",
            "dz = da * (gate + a * gate * (1 - gate))",
            "derivative at the output",
        )
    ],
    [
        ("dpred = -dr", "dpred = dr", "sign"),
        ("dr = 2 * weight * r / n", "dr = weight * r / n", "factor"),
    ],
)
