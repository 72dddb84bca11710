"""Regularized logistic regression as in the second exercise of a famous course: theta[0] is not penalized."""

import numpy as np


def cost_function(theta, X, y, lam):
    m = len(y)
    h = 1 / (1 + np.exp(-(X @ theta)))
    J = -(y.T @ np.log(h) + (1 - y).T @ np.log(1 - h)) / m
    return J + lam / (2 * m) * np.sum(theta[1:] ** 2)


def gradient(theta, X, y, lam):
    m = len(y)
    h = 1 / (1 + np.exp(-(X @ theta)))
    grad = X.T @ (h - y) / m
    grad[1:] = grad[1:] + lam / m * theta[1:]
    return grad


def subject(rng):
    X = np.hstack([np.ones((9, 1)), rng.normal(size=(9, 3))])
    args = (rng.normal(size=4), X, rng.integers(0, 2, 9).astype(float), 2.5)
    return cost_function, gradient, args, {"wrt": ("theta",)}


FAULTS = (
    [("    grad[1:] = grad[1:] + lam / m * theta[1:]\n", "    grad = grad + lam / m * theta\n", "extra path")],
    [("lam / m * theta[1:]", "lam * theta[1:]", "missing mean")],
    [
        ("grad = X.T @ (h - y) / m", "grad = X.T @ (h - y)", "missing mean"),
        ("grad[1:] + lam / m * theta[1:]", "grad[1:] - lam / m * theta[1:]", "sign"),
    ],
)
