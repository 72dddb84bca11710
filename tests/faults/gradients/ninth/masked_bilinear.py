"""A bilinear score between two encodings with dropout by a given mask, binary labels as a flat vector."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def pair_forward(left, right, labels, keep, L, R, M, bias):
    hl, hr = sigmoid(left @ L), sigmoid(right @ R)
    dl = hl * keep
    score = np.sum((dl @ M) * hr, axis=1) + bias
    p = sigmoid(score)
    loss = -np.sum(labels * np.log(p) + (1 - labels) * np.log(1 - p)) / len(labels)
    return loss, hl, hr, dl, p


def pair_backward(left, right, labels, keep, L, R, M, hl, hr, dl, p):
    n = len(labels)
    ds = (p - labels)[:, None] / n
    dM = dl.T @ (ds * hr)
    dbias = ds.sum(axis=0)
    ddl = ds * (hr @ M.T)
    dhr = ds * (dl @ M)
    dzl = ddl * keep * hl * (1 - hl)
    dzr = dhr * hr * (1 - hr)
    dL = left.T @ dzl
    dR = right.T @ dzr
    return {"L": dL, "R": dR, "M": dM, "bias": dbias}


def subject(rng):
    left, right = rng.normal(size=(7, 3)), rng.normal(size=(7, 4))
    keep = (rng.random((7, 5)) < 0.7) / 0.7
    args = (left, right, rng.integers(0, 2, 7) * 1.0, keep)
    return (
        pair_forward,
        pair_backward,
        (*args, rng.normal(size=(3, 5)), rng.normal(size=(4, 6)), rng.normal(size=(5, 6)), rng.normal(size=1)),
    )


FAULTS = (
    [("dzr = dhr * hr * (1 - hr)", "dzr = dhr * (right @ R) * (1 - right @ R)", "derivative at the input")],
    [
        ("dzl = ddl * keep * hl * (1 - hl)", "dzl = ddl * hl * (1 - hl)", "missing derivative"),
        ("ds = (p - labels)[:, None] / n", "ds = (p - labels)[:, None]", "missing mean"),
    ],
    [
        ("ds = (p - labels)[:, None] / n", "ds = ((p - labels) * p * (1 - p))[:, None] / n", "output derivative twice"),
        ("ddl = ds * (hr @ M.T)", "ddl = -ds * (hr @ M.T)", "sign"),
    ],
)
