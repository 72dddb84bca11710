"""One step of a gated recurrent unit."""

import numpy as np


def squash(v):
    return 1.0 / (1.0 + np.exp(-v))


def gru(x, h, Wz, Uz, Wn, Un, goal):
    z = squash(x @ Wz + h @ Uz)
    n = np.tanh(x @ Wn + h @ Un)
    new = (1 - z) * n + z * h
    cost = 0.5 * np.mean((new - goal) ** 2)
    return cost, z, n, new


def gru_back(x, h, Wz, Uz, Wn, Un, goal, z, n, new):
    dnew = (new - goal) / new.size
    dz = dnew * (h - n)
    dn = dnew * (1 - z)
    dzp = dz * z * (1 - z)
    dnp = dn * (1 - n * n)
    dWz, dUz = x.T @ dzp, h.T @ dzp
    dWn, dUn = x.T @ dnp, h.T @ dnp
    return dWz, dUz, dWn, dUn


def subject(rng):
    shapes = [(6, 3), (6, 4), (3, 4), (4, 4), (3, 4), (4, 4), (6, 4)]
    return gru, gru_back, tuple(rng.normal(size=shape) for shape in shapes)


FAULTS = (
    [("dz = dnew * (h - n)", "dz = dnew * h", "missing path")],
    [("dz = dnew * (h - n)", "dz = dnew * (n - h)", "sign")],
    [("dn = dnew * (1 - z)", "dn = dnew", "missing derivative")],
    [("dn = dnew * (1 - z)", "dn = dnew * z", "wrong value")],
    [("dzp = dz * z * (1 - z)", "dzp = dz * (1 - z)", "wrong derivative")],
    [("dnp = dn * (1 - n * n)", "dnp = dn", "missing derivative")],
    [("dWn, dUn = x.T @ dnp, h.T @ dnp", "dWn, dUn = x.T @ dnp, dnp.T @ h", "transpose")],
)
