"""An LSTM over a short sequence, its four gates in one matrix, a number to be told at each step."""

import numpy as np


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


def forward(xs, targets, W, U, b, v):
    H = len(v)
    h, c = np.zeros(H), np.zeros(H)
    cache, loss = [], 0.0
    for x, target in zip(xs, targets):
        z = W @ x + U @ h + b
        i, f, o, g = sigmoid(z[:H]), sigmoid(z[H : 2 * H]), sigmoid(z[2 * H : 3 * H]), np.tanh(z[3 * H :])
        before, c_before = h, c
        c = f * c_before + i * g
        h = o * np.tanh(c)
        y = v @ h
        loss += 0.5 * (y - target) ** 2
        cache.append((x, before, c_before, i, f, o, g, c, h, y, target))
    return loss, cache


def backward(cache, W, U, b, v):
    H = len(v)
    dW, dU, db, dv = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), np.zeros_like(v)
    dh_next, dc_next = np.zeros(H), np.zeros(H)
    for x, before, c_before, i, f, o, g, c, h, y, target in reversed(cache):
        dy = y - target
        dv += dy * h
        dh = dy * v + dh_next
        do = dh * np.tanh(c)
        dc = dh * o * (1 - np.tanh(c) ** 2) + dc_next
        di, dg, df = dc * g, dc * i, dc * c_before
        dz = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
        dW += np.outer(dz, x)
        dU += np.outer(dz, before)
        db += dz
        dh_next = U.T @ dz
        dc_next = dc * f
    return dW, dU, db, dv


def subject(rng):
    H, D, T = 3, 2, 4
    xs, targets = rng.normal(size=(T, D)), rng.normal(size=T)
    weights = (rng.normal(size=(4 * H, D)), rng.normal(size=(4 * H, H)), rng.normal(size=4 * H), rng.normal(size=H))
    return forward, backward, (xs, targets, *weights), {"wrt": ["W", "U", "b", "v"]}


FAULTS = (
    [("(1 - np.tanh(c) ** 2) + dc_next", "(1 - np.tanh(c) ** 2)", "missing path")],
    [("dh = dy * v + dh_next", "dh = dy * v", "missing path")],
    [("dh * o * (1 - np.tanh(c) ** 2)", "dh * o * (1 - c**2)", "derivative at the input")],
    [("dU += np.outer(dz, before)", "dU += np.outer(dz, h)", "wrong value")],
    [("dh_next = U.T @ dz", "dh_next = np.clip(U.T @ dz, -0.1, 0.1)", "clipped")],
    [
        ("di, dg, df = dc * g, dc * i, dc * c_before", "di, dg, df = dc * g, dc * i, dc * c", "wrong value"),
        ("dg * (1 - g**2)", "dg", "missing derivative"),
    ],
)
