"""Word vectors from counts of neighbours (GloVe): a weighted square for each pair that occurs."""

import numpy as np


def forward(rows, cols, counts, W, C, b, c):
    weight = np.minimum(1, (counts / 10) ** 0.75)
    diff = np.sum(W[rows] * C[cols], axis=1) + b[rows] + c[cols] - np.log(counts)
    loss = np.mean(weight * diff**2)
    return loss, weight, diff


def backward(rows, cols, W, C, b, c, weight, diff):
    g = 2 * weight * diff / len(rows)
    dW, dC, db, dc = np.zeros_like(W), np.zeros_like(C), np.zeros_like(b), np.zeros_like(c)
    np.add.at(dW, rows, g[:, None] * C[cols])
    np.add.at(dC, cols, g[:, None] * W[rows])
    np.add.at(db, rows, g)
    np.add.at(dc, cols, g)
    return {"W": dW, "C": dC, "b": db, "c": dc}


def subject(rng):
    rows, cols = np.array([0, 0, 1, 2, 3, 3, 4]), np.array([1, 2, 0, 4, 3, 0, 2])
    counts = np.array([3.0, 1.0, 12.0, 2.0, 7.0, 25.0, 4.0])
    return (
        forward,
        backward,
        (rows, cols, counts, rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=5)),
    )


FAULTS = (
    [("g[:, None] * W[rows])", "g[:, None] * C[cols])", "wrong value")],
    [("g = 2 * weight * diff / len(rows)", "g = weight * diff / len(rows)", "factor")],
    [("g = 2 * weight * diff / len(rows)", "g = np.clip(2 * weight * diff / len(rows), -0.1, 0.1)", "clipped")],
    [
        ("g = 2 * weight * diff / len(rows)", "g = 2 * weight * diff", "missing mean"),
        ("np.add.at(db, rows, g)", "np.add.at(db, rows, -g)", "sign"),
    ],
)
