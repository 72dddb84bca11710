"""Pooled patches of an image through a dense layer with leaky relu."""

import numpy as np


def pool(x):
    n, r, c = x.shape
    return x.reshape(n, r // 2, 2, c // 2, 2).mean(axis=(2, 4))


def forward(x, t, W, b, V):
    p = pool(x).reshape(len(x), -1)
    z = p @ W + b
    h = np.where(z > 0, z, 0.2 * z)
    o = h @ V
    loss = np.square(o - t).sum(axis=1).mean() / 2
    return loss, p, z, h, o


def backward(x, t, W, b, V, p, z, h, o):
    go = (o - t) / len(x)
    gV = h.T @ go
    gh = go @ V.T
    gz = np.where(z > 0, gh, 0.2 * gh)
    gW = p.T @ gz
    gb = np.sum(gz, axis=0)
    gp = gz @ W.T
    gx = np.repeat(np.repeat(gp.reshape(len(x), 2, 3), 2, axis=1), 2, axis=2) / 4
    return gx, gW, gb, gV


def subject(rng):
    shapes = [(5, 4, 6), (5, 3), (6, 7), (7,), (7, 3)]
    args = tuple(rng.normal(size=shape) for shape in shapes)
    return forward, backward, args, {"wrt": ["x", "W", "b", "V"]}


FAULTS = (
    [(" / 4\n", "\n", "missing mean")],
    [("gz = np.where(z > 0, gh, 0.2 * gh)", "gz = np.where(h > 0, gh, gh)", "missing derivative")],
    [("gb = np.sum(gz, axis=0)", "gb = np.sum(gz, axis=1)", "wrong axis")],
    [("go = (o - t) / len(x)", "go = 2 * (o - t) / len(x)", "factor")],
    [("gW = p.T @ gz", "gW = p.T @ gh", "missing derivative")],
    [
        ("go = (o - t) / len(x)", "go = (t - o) / len(x)", "sign"),
        ("gb = np.sum(gz, axis=0)", "gb = gz", "not summed"),
    ],
)
