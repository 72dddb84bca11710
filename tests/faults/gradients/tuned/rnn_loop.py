"""A recurrent layer unrolled in a loop."""

import numpy as np


def forward(xs, target, Wx, Wh, b):
    h = np.zeros((xs.shape[1], Wh.shape[0]))
    hs = [h]
    for t in range(xs.shape[0]):
        h = np.tanh(xs[t] @ Wx + h @ Wh + b)
        hs.append(h)
    return 0.5 * np.sum((h - target) ** 2) / len(target), hs


def backward(xs, target, Wx, Wh, hs):
    dWx = np.zeros_like(Wx)
    dWh = np.zeros_like(Wh)
    db = np.zeros(Wh.shape[0])
    dh = (hs[-1] - target) / len(target)
    for t in reversed(range(xs.shape[0])):
        dz = dh * (1 - hs[t + 1] ** 2)
        dWx += xs[t].T @ dz
        dWh += hs[t].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ Wh.T
    return dWx, dWh, db


def subject(rng):
    return (
        forward,
        backward,
        (
            rng.normal(size=(3, 5, 2)),
            rng.normal(size=(5, 4)),
            rng.normal(size=(2, 4)),
            0.5 * rng.normal(size=(4, 4)),
            rng.normal(size=4),
        ),
    )


FAULTS = (
    [("dh = dz @ Wh.T", "dh = dz @ Wh", "transpose")],
    [("dh = (hs[-1] - target) / len(target)", "dh = hs[-1] - target", "missing mean")],
    [("dWh += hs[t].T @ dz", "dWh += hs[t + 1].T @ dz", "wrong value")],
    [("db += dz.sum(axis=0)", "db += dz.mean(axis=0)", "extra mean")],
    [("dh = (hs[-1] - target) / len(target)", "dh = (target - hs[-1]) / len(target)", "sign")],
)
