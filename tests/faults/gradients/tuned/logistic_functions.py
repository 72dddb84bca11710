"""Logistic regression in two functions, with the weights as arguments."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(X, y, w, b):
    p = sigmoid(X @ w + b)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def backward(X, y, w, b):
    n = X.shape[0]
    p = sigmoid(X @ w + b)
    dz = p - y
    dw = X.T @ dz / n
    db = np.sum(dz) / n
    return dw, db


def subject(rng):
    X, y = rng.normal(size=(7, 3)), (rng.random(7) > 0.4).astype(float)
    return forward, backward, (X, y, rng.normal(size=3), rng.normal())


FAULTS = (
    [("dz = p - y", "dz = y - p", "sign")],
    [("dw = X.T @ dz / n", "dw = X.T @ dz", "missing mean")],
    [("dz = p - y", "dz = (p - y) / n", "extra mean")],
    [("dz = p - y", "dz = (p - y) * p * (1 - p)", "output derivative twice")],
    [("dz = p - y", "dz = p - (2 * y - 1)", "wrong target")],
    [("dz = p - y", "dz = y - p", "sign"), ("db = np.sum(dz) / n", "db = np.sum(dz)", "missing mean")],
    [("dz = p - y", "dz = (p - y) * 2", "factor")],
    [("dz = p - y", "dz = p - y[:, None]", "broadcast")],
)
