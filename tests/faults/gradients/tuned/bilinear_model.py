"""A bilinear form of two inputs behind tanh layers, flat functions and positional results."""

import numpy as np


def value(u, w, goal, P, Q, M):
    a = np.tanh(np.dot(u, P))
    b = np.tanh(np.dot(w, Q))
    s = np.einsum("ni,ij,nj->n", a, M, b)
    return 0.5 * np.mean((s - goal) ** 2)


def derivatives(u, w, goal, P, Q, M):
    a = np.tanh(np.dot(u, P))
    b = np.tanh(np.dot(w, Q))
    s = np.einsum("ni,ij,nj->n", a, M, b)
    e = (s - goal) / len(goal)
    dM = np.einsum("n,ni,nj->ij", e, a, b)
    da = e[:, None] * (b @ M.T)
    db = e[:, None] * (a @ M)
    dP = np.dot(u.T, da * (1 - a**2))
    dQ = np.dot(w.T, db * (1 - b**2))
    return dP, dQ, dM


def subject(rng):
    shapes = [(7, 3), (7, 2), (7,), (3, 4), (2, 4), (4, 4)]
    return value, derivatives, tuple(rng.normal(size=shape) for shape in shapes)


FAULTS = (
    [("da = e[:, None] * (b @ M.T)", "da = e[:, None] * (b @ M)", "transpose")],
    [("e = (s - goal) / len(goal)", "e = (goal - s) / len(goal)", "sign")],
    [("dQ = np.dot(w.T, db * (1 - b**2))", "dQ = np.dot(w.T, db * (1 - a**2))", "wrong value")],
    [("dP = np.dot(u.T, da * (1 - a**2))", "dP = np.dot(u.T, da)", "missing derivative")],
    [
        ("da = e[:, None] * (b @ M.T)", "da = e[:, None] * (b @ M)", "transpose"),
        ("dQ = np.dot(w.T, db * (1 - b**2))", "dQ = np.dot(w.T, db)", "missing derivative"),
    ],
    [
        ("e = (s - goal) / len(goal)", "e = s - goal", "missing mean"),
        ("dP = np.dot(u.T, da * (1 - a**2))", "dP = np.dot(u.T, da * (1 - a))", "wrong derivative"),
    ],
)
