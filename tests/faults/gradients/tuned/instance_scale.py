"""Centering and scaling by the standard deviation, by np.std and by hand backwards."""

import numpy as np


def normalize(x, w, y):
    centered = x - np.mean(x, axis=1, keepdims=True)
    sigma = np.std(x, axis=1, keepdims=True)
    hat = centered / sigma
    out = hat @ w
    return np.sum((out - y) ** 2) / 2


def normalize_grad(x, w, y):
    d = x.shape[1]
    centered = x - np.mean(x, axis=1, keepdims=True)
    sigma = np.std(x, axis=1, keepdims=True)
    hat = centered / sigma
    out = hat @ w
    g_out = out - y
    g_w = hat.T @ g_out
    g_hat = g_out @ w.T
    g_x = (g_hat - g_hat.mean(axis=1, keepdims=True) - hat * (g_hat * hat).sum(axis=1, keepdims=True) / d) / sigma
    return {"x": g_x, "w": g_w}


def subject(rng):
    return normalize, normalize_grad, (rng.normal(size=(5, 6)), rng.normal(size=(6, 2)), rng.normal(size=(5, 2)))


FAULTS = (
    [
        (
            "(g_hat * hat).sum(axis=1, keepdims=True) / d) / sigma",
            "(g_hat * hat).sum(axis=1, keepdims=True) / d)",
            "missing derivative",
        )
    ],
    [("g_out = out - y", "g_out = y - out", "sign")],
    [("g_out = out - y", "g_out = 2 * (out - y)", "factor")],
    [("g_hat = g_out @ w.T", "g_hat = np.clip(g_out @ w.T, -1, 1)", "clipped")],
)
