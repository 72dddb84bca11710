"""Regression that tells how sure it is: mean and log variance from one trunk, Gaussian negative log-likelihood."""

import numpy as np


def forward(params, x, y):
    h = np.tanh(x @ params["W"] + params["b"])
    mean = h @ params["Wm"] + params["bm"]
    log_var = h @ params["Ws"] + params["bs"]
    residual = y - mean
    loss = np.mean(0.5 * log_var + 0.5 * residual**2 * np.exp(-log_var))
    cache = (h, log_var, residual)
    return loss, cache


def backward(params, x, cache):
    h, log_var, residual = cache
    n = residual.size
    precision = np.exp(-log_var)
    d_mean = -residual * precision / n
    d_log_var = 0.5 * (1 - residual**2 * precision) / n
    grads = {
        "Wm": h.T @ d_mean,
        "bm": d_mean.sum(axis=0),
        "Ws": h.T @ d_log_var,
        "bs": d_log_var.sum(axis=0),
    }
    d_h = d_mean @ params["Wm"].T + d_log_var @ params["Ws"].T
    d_z = d_h * (1 - h**2)
    grads["W"] = x.T @ d_z
    grads["b"] = d_z.sum(axis=0)
    return grads


def subject(rng):
    params = {
        "W": rng.normal(size=(3, 5)),
        "b": rng.normal(size=5),
        "Wm": rng.normal(size=(5, 1)),
        "bm": rng.normal(size=1),
        "Ws": rng.normal(size=(5, 1)) * 0.5,
        "bs": rng.normal(size=1) * 0.5,
    }
    return forward, backward, (params, rng.normal(size=(7, 3)), rng.normal(size=(7, 1)))


FAULTS = (
    [('d_h = d_mean @ params["Wm"].T + d_log_var @ params["Ws"].T', 'd_h = d_mean @ params["Wm"].T', "missing path")],
    [("d_mean = -residual * precision / n", "d_mean = -2 * residual * precision / n", "factor")],
    [("precision = np.exp(-log_var)", "precision = np.exp(log_var)", "sign")],
    [
        ("d_mean = -residual * precision / n", "d_mean = residual * precision / n", "sign"),
        (
            "d_log_var = 0.5 * (1 - residual**2 * precision) / n",
            "d_log_var = 0.5 * (1 - residual**2 * precision)",
            "missing mean",
        ),
    ],
    [
        ('d_h = d_mean @ params["Wm"].T + d_log_var @ params["Ws"].T', 'd_h = d_mean @ params["Wm"].T', "missing path"),
        (
            "d_log_var = 0.5 * (1 - residual**2 * precision) / n",
            "d_log_var = (1 - residual**2 * precision) / n",
            "factor",
        ),
    ],
)
