"""Logistic regression with columns, whose cache is a tuple."""

import numpy as np


def forward(X, y, W, b):
    z = np.dot(X, W) + b
    a = 1.0 / (1.0 + np.exp(-z))
    m = X.shape[0]
    cost = -(1 / m) * np.sum(y * np.log(a) + (1 - y) * np.log(1 - a))
    return cost, (X, y, a)


def backward(cache):
    X, y, a = cache
    m = X.shape[0]
    dz = a - y
    dW = (1 / m) * np.dot(X.T, dz)
    db = (1 / m) * np.sum(dz, axis=0, keepdims=True)
    return dW, db


def subject(rng):
    X, y = rng.normal(size=(6, 4)), (rng.random((6, 1)) > 0.5) * 1.0
    return forward, backward, (X, y, rng.normal(size=(4, 1)), np.zeros((1, 1)))


FAULTS = (
    [("dz = a - y", "dz = -(a - y)", "sign")],
    [("dz = a - y", "dz = (a - y) * a * (1 - a)", "output derivative twice")],
    [("dz = a - y", "dz = (a - y) / m", "extra mean")],
    [("dW = (1 / m) * np.dot(X.T, dz)", "dW = np.dot(X.T, dz)", "missing mean")],
    [("db = (1 / m) * np.sum(dz, axis=0, keepdims=True)", "db = (1 / m) * dz", "not summed")],
    [("dz = a - y", "dz = a - y[:, 0]", "broadcast")],
    [("dz = a - y", "dz = np.clip(a - y, -0.1, 0.1)", "clipped")],
    [("dz = a - y", "dz = a - (1 - y)", "wrong target")],
)
