"""A linear model with a smoothed absolute penalty."""

import numpy as np


def penalized(w, b, x, y, strength):
    fit = np.mean((x @ w + b - y) ** 2)
    return fit + strength * np.sum(np.sqrt(w**2 + 0.01))


def penalized_gradient(w, b, x, y, strength):
    error = x @ w + b - y
    dw = 2 * x.T @ error / len(y)
    dw += strength * w / np.sqrt(w**2 + 0.01)
    return dw, 2 * error.mean()


def subject(rng):
    return penalized, penalized_gradient, (rng.normal(size=4), 0.3, rng.normal(size=(10, 4)), rng.normal(size=10), 0.6)


FAULTS = (
    [("    dw += strength * w / np.sqrt(w**2 + 0.01)\n", "", "missing path")],
    [("dw += strength", "dw -= strength", "sign")],
    [("dw += strength * w / np.sqrt(w**2 + 0.01)", "dw += w / np.sqrt(w**2 + 0.01)", "factor")],
    [("dw += strength * w / np.sqrt(w**2 + 0.01)", "dw += strength * np.sqrt(w**2 + 0.01)", "wrong derivative")],
    [("return dw, 2 * error.mean()", "return dw, 2 * error.sum()", "missing mean")],
)
