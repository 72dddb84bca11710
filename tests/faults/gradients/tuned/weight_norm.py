"""Two linear maps whose rows are normalised: w = g v / |v|, with relu6 in between."""

import numpy as np


def normed(v, g):
    return g[:, None] * v / np.linalg.norm(v, axis=1, keepdims=True)


def loss_fn(X, Y, v1, g1, v2, g2):
    w1 = normed(v1, g1)
    w2 = normed(v2, g2)
    z = X @ w1.T
    a = np.minimum(np.maximum(z, 0), 6)
    out = a @ w2.T
    return 0.5 * np.sum((out - Y) ** 2) / X.shape[0]


def through_norm(dw, v, g):
    length = np.linalg.norm(v, axis=1, keepdims=True)
    unit = v / length
    dg = (dw * unit).sum(axis=1)
    dv = g[:, None] / length * (dw - dg[:, None] * unit)
    return dv, dg


def grad_fn(X, Y, v1, g1, v2, g2):
    w1 = normed(v1, g1)
    w2 = normed(v2, g2)
    z = X @ w1.T
    a = np.minimum(np.maximum(z, 0), 6)
    delta = (a @ w2.T - Y) / X.shape[0]
    dw2 = delta.T @ a
    dz = (delta @ w2) * ((z > 0) & (z < 6))
    dw1 = dz.T @ X
    dv1, dg1 = through_norm(dw1, v1, g1)
    dv2, dg2 = through_norm(dw2, v2, g2)
    return {"v1": dv1, "g1": dg1, "v2": dv2, "g2": dg2}


def subject(rng):
    shapes = [(9, 3), (9, 2), (5, 3), (5,), (2, 5), (2,)]
    args = tuple(2 * rng.normal(size=shape) for shape in shapes)
    return loss_fn, grad_fn, args


FAULTS = (
    [("dv = g[:, None] / length * (dw - dg[:, None] * unit)", "dv = g[:, None] / length * dw", "missing path")],
    [
        (
            "dv = g[:, None] / length * (dw - dg[:, None] * unit)",
            "dv = g[:, None] * (dw - dg[:, None] * unit)",
            "missing derivative",
        )
    ],
    [("dg = (dw * unit).sum(axis=1)", "dg = (dw * v).sum(axis=1)", "missing derivative")],
    [("dz = (delta @ w2) * ((z > 0) & (z < 6))", "dz = delta @ w2", "missing derivative")],
    [("dz = (delta @ w2) * ((z > 0) & (z < 6))", "dz = (delta @ w2) * (z > 0)", "wrong derivative")],
    [("delta = (a @ w2.T - Y) / X.shape[0]", "delta = (Y - a @ w2.T) / X.shape[0]", "sign")],
    [
        ("delta = (a @ w2.T - Y) / X.shape[0]", "delta = a @ w2.T - Y", "missing mean"),
        ("dw2 = delta.T @ a", "dw2 = delta.T @ z", "wrong value"),
    ],
)
