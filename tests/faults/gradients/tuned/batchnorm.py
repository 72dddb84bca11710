"""Batch normalization with scale and shift under a squared error."""

import numpy as np


def batchnorm_forward(x, target, gamma, beta):
    eps = 1e-5
    mu = x.mean(axis=0)
    xmu = x - mu
    var = np.mean(xmu**2, axis=0)
    istd = 1.0 / np.sqrt(var + eps)
    xhat = xmu * istd
    out = gamma * xhat + beta
    loss = 0.5 * np.sum((out - target) ** 2)
    return loss, (xmu, istd, xhat, out, gamma)


def batchnorm_backward(target, cache):
    xmu, istd, xhat, out, gamma = cache
    N = xmu.shape[0]
    dout = out - target
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * xmu * -0.5 * istd**3, axis=0)
    dmu = np.sum(-dxhat * istd, axis=0)
    dx = dxhat * istd + dvar * 2 * xmu / N + dmu / N
    return dx, dgamma, dbeta


def subject(rng):
    x, target = rng.normal(size=(7, 3)), rng.normal(size=(7, 3))
    return batchnorm_forward, batchnorm_backward, (x, target, rng.normal(size=3), rng.normal(size=3))


FAULTS = (
    [("dx = dxhat * istd + dvar * 2 * xmu / N + dmu / N", "dx = dxhat * istd + dvar * 2 * xmu / N", "missing path")],
    [("dx = dxhat * istd + dvar * 2 * xmu / N + dmu / N", "dx = dxhat * istd + dmu / N", "missing path")],
    [("dgamma = np.sum(dout * xhat, axis=0)", "dgamma = np.sum(dout * xhat, axis=1)", "wrong axis")],
    [("dgamma = np.sum(dout * xhat, axis=0)", "dgamma = np.sum(dout, axis=0)", "missing derivative")],
    [("dxhat = dout * gamma", "dxhat = dout", "missing derivative")],
    [("dout = out - target", "dout = target - out", "sign")],
    [("dbeta = np.sum(dout, axis=0)", "dbeta = dout", "not summed")],
)
