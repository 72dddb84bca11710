"""A net in float32, whose gradients are right up to rounding."""

import numpy as np


def model(x, y, w1, w2):
    x, y = x.astype(np.float32), y.astype(np.float32)
    h = np.maximum(x @ w1, np.float32(0))
    d = h @ w2 - y
    return np.float32(0.5) * np.mean(d * d), x, h, d


def model_backward(w1, w2, x, h, d):
    gd = d / np.float32(d.size)
    gw2 = h.T @ gd
    gh = gd @ w2.T
    gh[h <= 0] = 0
    gw1 = x.T @ gh
    return {"w1": gw1, "w2": gw2}


def subject(rng):
    w1, w2 = rng.normal(size=(3, 5)).astype(np.float32), rng.normal(size=(5, 2)).astype(np.float32)
    return model, model_backward, (rng.normal(size=(8, 3)), rng.normal(size=(8, 2)), w1, w2)


FAULTS = (
    [("    gh[h <= 0] = 0\n", "", "missing derivative")],
    [("gd = d / np.float32(d.size)", "gd = d", "missing mean")],
    [("gw1 = x.T @ gh", "gw1 = x.T @ np.clip(gh, -0.01, 0.01)", "clipped")],
    [("gd = d / np.float32(d.size)", "gd = 2 * d / np.float32(d.size)", "factor")],
)
