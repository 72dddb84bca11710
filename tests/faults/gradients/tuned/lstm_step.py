"""One step of an LSTM."""

import numpy as np


def sig(a):
    return 1 / (1 + np.exp(-a))


def step(x, h, c, W, U, b, target):
    n = c.shape[1]
    a = x @ W + h @ U + b
    i, f, o = sig(a[:, :n]), sig(a[:, n : 2 * n]), sig(a[:, 2 * n : 3 * n])
    g = np.tanh(a[:, 3 * n :])
    c_new = f * c + i * g
    tc = np.tanh(c_new)
    h_new = o * tc
    loss = np.sum((h_new - target) ** 2)
    return loss, (i, f, o, g, tc, h_new)


def step_backward(x, h, c, W, U, b, target, i, f, o, g, tc, h_new):
    dh_new = 2 * (h_new - target)
    do = dh_new * tc
    dc = dh_new * o * (1 - tc**2)
    df = dc * c
    di = dc * g
    dg = dc * i
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    dW = x.T @ da
    dU = h.T @ da
    db = da.sum(axis=0)
    return dW, dU, db


def subject(rng):
    n = 3
    shapes = [(5, 2), (5, n), (5, n), (2, 4 * n), (n, 4 * n), (4 * n,), (5, n)]
    return step, step_backward, tuple(rng.normal(size=shape) for shape in shapes)


FAULTS = (
    [("dc = dh_new * o * (1 - tc**2)", "dc = dh_new * o", "missing derivative")],
    [("do = dh_new * tc", "do = dh_new", "missing derivative")],
    [("dg * (1 - g**2)", "dg * g * (1 - g)", "wrong derivative")],
    [("df = dc * c", "df = dc * i", "wrong value")],
    [("dh_new = 2 * (h_new - target)", "dh_new = h_new - target", "factor")],
    [("di * i * (1 - i)", "di", "missing derivative")],
)
