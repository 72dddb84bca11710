"""Batch normalization between a dense layer and a sigmoid, taken apart in small steps."""

import numpy as np


def forward(X, y, W, gamma, beta, w, c):
    z = X @ W
    mu = z.mean(axis=0)
    centred = z - mu
    var = np.mean(centred**2, axis=0)
    inverse = 1 / np.sqrt(var + 1e-5)
    zhat = centred * inverse
    a = 1 / (1 + np.exp(-(gamma * zhat + beta)))
    pred = a @ w + c
    loss = np.sum((pred - y) ** 2) / (2 * len(y))
    return loss, (X, y, gamma, w, centred, var, inverse, zhat, a, pred)


def backward(cache):
    X, y, gamma, w, centred, var, inverse, zhat, a, pred = cache
    N = len(y)
    dpred = (pred - y) / N
    dw = a.T @ dpred
    dc = dpred.sum()
    da = np.outer(dpred, w)
    du = da * a * (1 - a)
    dgamma = (du * zhat).sum(axis=0)
    dbeta = du.sum(axis=0)
    dzhat = du * gamma
    dinverse = (dzhat * centred).sum(axis=0)
    dvar = dinverse * -0.5 * (var + 1e-5) ** -1.5
    dcentred = dzhat * inverse
    dcentred += 2 * centred * dvar / N
    dmu = -dcentred.sum(axis=0)
    dz = dcentred + dmu / N
    dW = X.T @ dz
    return dW, dgamma, dbeta, dw, dc


def subject(rng):
    data = rng.normal(size=(6, 3)), rng.normal(size=6)
    weights = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=4), rng.normal(size=4), rng.normal()
    return forward, backward, (*data, *weights), {"wrt": ["W", "gamma", "beta", "w", "c"]}


FAULTS = (
    [("    dcentred += 2 * centred * dvar / N\n", "", "missing path")],
    [("du = da * a * (1 - a)", "du = da * a * (1 - a) * a * (1 - a)", "extra derivative")],
    [("dcentred += 2 * centred * dvar / N", "dcentred += centred * dvar / N", "factor")],
    [("dgamma = (du * zhat).sum(axis=0)", "dgamma = (du * centred).sum(axis=0)", "wrong value")],
    [
        ("* -0.5 * (var + 1e-5) ** -1.5", "* 0.5 * (var + 1e-5) ** -1.5", "sign"),
        ("dpred = (pred - y) / N", "dpred = pred - y", "missing mean"),
    ],
)
