"""Linear regression on columns, where a flat target would make a square."""

import numpy as np


def cost(X, y, theta):
    m = len(y)
    residual = X @ theta - y
    return np.sum(residual**2) / (2 * m)


def grad(X, y, theta):
    m = len(y)
    residual = X @ theta - y
    return X.T @ residual / m


def subject(rng):
    return cost, grad, (rng.normal(size=(8, 3)), rng.normal(size=(8, 1)), rng.normal(size=(3, 1))), {"wrt": ["theta"]}


FAULTS = (
    [("return X.T @ residual / m", "return X.T @ residual", "missing mean")],
    [("return X.T @ residual / m", "return 2 * X.T @ residual / m", "factor")],
    [("return X.T @ residual / m", "return -X.T @ residual / m", "sign")],
    [("return X.T @ residual / m", "return X.T @ (X @ theta - y.ravel()) / m", "broadcast")],
    [("return X.T @ residual / m", "return X.T @ np.sign(residual) / m", "clipped")],
)
