"""Logistic regression in a notebook: labels in a row, weights in a column, ridge."""

import numpy as np


def model(X, w, b):
    return 1 / (1 + np.exp(-(np.dot(X, w) + b)))


def loss(X, y, w, b, alpha):
    p = model(X, w, b)
    t = y.reshape(-1, 1)
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)) + alpha / 2 * np.sum(w**2)


def grad(X, y, w, b, alpha):
    m = len(y)
    error = model(X, w, b) - y.reshape(-1, 1)
    dw = np.dot(X.T, error) / m + alpha * w
    db = np.sum(error) / m
    return dw, db


def subject(rng):
    return (
        loss,
        grad,
        (rng.normal(size=(6, 3)), np.array([1.0, 0, 0, 1, 1, 0]), rng.normal(size=(3, 1)), 0.4, 0.2),
        {"wrt": ["w", "b"]},
    )


FAULTS = (
    [("error = model(X, w, b) - y.reshape(-1, 1)", "error = model(X, w, b) - y", "broadcast")],
    [
        (
            "error = model(X, w, b) - y.reshape(-1, 1)",
            "error = model(X, w, b) - (2 * y.reshape(-1, 1) - 1)",
            "wrong target",
        )
    ],
    [("db = np.sum(error) / m", "db = np.sum(error) / m + alpha * b", "extra path")],
    [("db = np.sum(error) / m", "db = np.sum(error) / m**2", "extra mean")],
    [
        ("dw = np.dot(X.T, error) / m + alpha * w", "dw = np.dot(X.T, error) / m - alpha * w", "sign"),
        ("db = np.sum(error) / m", "db = np.sum(error)", "missing mean"),
    ],
)
