"""A highway layer: a gate between a transformed and an untouched path."""

import numpy as np


def layer(x, target, Wt, bt, Wh, bh):
    t = 1 / (1 + np.exp(-(x @ Wt + bt)))
    h = np.tanh(x @ Wh + bh)
    y = t * h + (1 - t) * x
    return np.sum((y - target) ** 2) / len(x), t, h, y


def layer_back(x, target, Wt, bt, Wh, bh, t, h, y):
    dy = 2 * (y - target) / len(x)
    dt = dy * (h - x)
    dh = dy * t
    dzt = dt * t * (1 - t)
    dzh = dh * (1 - h**2)
    dx = dy * (1 - t) + dzt @ Wt.T + dzh @ Wh.T
    return dx, x.T @ dzt, dzt.sum(axis=0), x.T @ dzh, dzh.sum(axis=0)


def subject(rng):
    shapes = [(7, 4), (7, 4), (4, 4), (4,), (4, 4), (4,)]
    args = tuple(rng.normal(size=shape) for shape in shapes)
    return layer, layer_back, args, {"wrt": ["x", "Wt", "bt", "Wh", "bh"]}


FAULTS = (
    [("dx = dy * (1 - t) + dzt @ Wt.T + dzh @ Wh.T", "dx = dzt @ Wt.T + dzh @ Wh.T", "missing path")],
    [("dzt @ Wt.T + dzh @ Wh.T", "dzt @ Wt + dzh @ Wh.T", "transpose")],
    [("dt = dy * (h - x)", "dt = dy * h", "missing path")],
    [("dzt = dt * t * (1 - t)", "dzt = dt", "missing derivative")],
    [("dzh = dh * (1 - h**2)", "dzh = dh * (1 - h**2) * (1 - h**2)", "extra derivative")],
    [("dh = dy * t", "dh = dy * (1 - t)", "wrong value")],
    [
        ("dzh = dh * (1 - h**2)", "dzh = dh * (1 - h)", "wrong derivative"),
        ("dzt = dt * t * (1 - t)", "dzt = dt", "missing derivative"),
    ],
)
