"""Batch normalization backwards node by node, as in a well-known blog post, before tanh and a linear readout."""

import numpy as np

EPS = 1e-5


def forward(x, y, W, gamma, beta, V):
    a = x @ W
    mu = a.mean(axis=0)
    xmu = a - mu
    var = np.mean(xmu**2, axis=0)
    sqrtvar = np.sqrt(var + EPS)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    z = gamma * xhat + beta
    h = np.tanh(z)
    out = h @ V
    loss = np.sum((out - y) ** 2) / len(x)
    return loss, (xmu, sqrtvar, ivar, xhat, h, out)


def backward(x, y, gamma, V, cache):
    xmu, sqrtvar, ivar, xhat, h, out = cache
    N = x.shape[0]
    dout = 2.0 * (out - y) / N
    dV = h.T @ dout
    dz = (dout @ V.T) * (1 - h**2)
    dbeta = np.sum(dz, axis=0)
    dgamma = np.sum(dz * xhat, axis=0)
    dxhat = dz * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 / sqrtvar * dsqrtvar
    dsq = np.ones_like(xmu) * dvar / N
    dxmu2 = 2 * xmu * dsq
    da1 = dxmu1 + dxmu2
    dmu = -np.sum(da1, axis=0)
    da = da1 + np.ones_like(xmu) * dmu / N
    dW = x.T @ da
    return {"W": dW, "gamma": dgamma, "beta": dbeta, "V": dV}


def subject(rng):
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    gamma, beta = rng.normal(1, 0.3, size=5), rng.normal(size=5)
    return forward, backward, (x, y, rng.normal(size=(3, 5)), gamma, beta, rng.normal(size=(5, 2)))


FAULTS = (
    [("dgamma = np.sum(dz * xhat, axis=0)", "dgamma = np.sum(dz * xmu, axis=0)", "wrong value")],
    [("dvar = 0.5 / sqrtvar * dsqrtvar", "dvar = 0.5 * dsqrtvar", "missing derivative")],
    [("da1 = dxmu1 + dxmu2", "da1 = dxmu1", "missing path")],
    [
        ("dxhat = dz * gamma", "dxhat = dz", "missing derivative"),
        ("dbeta = np.sum(dz, axis=0)", "dbeta = np.sum(dz, axis=0) / N", "extra mean"),
    ],
    [
        ("da = da1 + np.ones_like(xmu) * dmu / N", "da = da1", "missing path"),
        ("dout = 2.0 * (out - y) / N", "dout = 2.0 * (y - out) / N", "sign"),
    ],
)
