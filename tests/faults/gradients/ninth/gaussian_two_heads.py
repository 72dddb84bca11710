"""A mean head and a log-variance head on one softplus layer; the negative log-likelihood of a Gaussian."""

import numpy as np


def softplus(z):
    return np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0)


def forward(x, y, W, b, Wm, bm, Wv, bv):
    z = x @ W + b
    h = softplus(z)
    mu = h @ Wm + bm
    logvar = h @ Wv + bv
    nll = 0.5 * (logvar + (y - mu) ** 2 / np.exp(logvar))
    return nll.sum() / len(x), z, h, mu, logvar


def backward(x, y, z, h, mu, logvar, Wm, Wv):
    N = len(x)
    precision = np.exp(-logvar)
    dmu = (mu - y) * precision / N
    dlogvar = 0.5 * (1 - (y - mu) ** 2 * precision) / N
    dWm = h.T @ dmu
    dbm = dmu.sum(axis=0)
    dWv = h.T @ dlogvar
    dbv = dlogvar.sum(axis=0)
    dh = dmu @ Wm.T + dlogvar @ Wv.T
    dz = dh / (1 + np.exp(-z))
    return {"W": x.T @ dz, "b": dz.sum(axis=0), "Wm": dWm, "bm": dbm, "Wv": dWv, "bv": dbv}


def subject(rng):
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    W, b = rng.normal(size=(3, 5)), rng.normal(size=5)
    heads = (0.4 * rng.normal(size=(5, 2)), rng.normal(size=2), 0.4 * rng.normal(size=(5, 2)), rng.normal(size=2))
    return forward, backward, (x, y, W, b, *heads)


FAULTS = (
    [
        (
            "dlogvar = 0.5 * (1 - (y - mu) ** 2 * precision) / N",
            "dlogvar = (1 - (y - mu) ** 2 * precision) / N",
            "factor",
        )
    ],
    [("dh = dmu @ Wm.T + dlogvar @ Wv.T", "dh = dmu @ Wm.T", "missing path")],
    [("dz = dh / (1 + np.exp(-z))", "dz = dh / (1 + np.exp(-h))", "derivative at the output")],
    [
        ("dmu = (mu - y) * precision / N", "dmu = (y - mu) * precision / N", "sign"),
        ("dbv = dlogvar.sum(axis=0)", "dbv = dlogvar", "not summed"),
    ],
)
