"""Poisson regression of claims: the rate times the time that each policy was held."""

import numpy as np


def forward(X, claims, exposure, coef, intercept):
    eta = X @ coef + intercept
    mu = exposure[:, None] * np.exp(eta)
    deviance = np.sum(mu - claims * np.log(mu)) / len(X)
    penalty = 0.05 * np.sum(coef**2)
    return deviance + penalty


def backward(X, claims, exposure, coef, intercept, eta):
    residual = exposure[:, None] * np.exp(eta) - claims
    residual = residual / len(X)
    dcoef = X.T @ residual + 0.1 * coef
    dintercept = residual.sum()
    return dcoef, dintercept


def subject(rng):
    X, claims = rng.normal(size=(6, 2)), np.array([[0.0], [2.0], [1.0], [0.0], [3.0], [1.0]])
    return (
        forward,
        backward,
        (X, claims, rng.uniform(0.2, 1, size=6), rng.normal(size=(2, 1)), 0.3),
        {"wrt": ["coef", "intercept"]},
    )


FAULTS = (
    [
        (
            "residual = exposure[:, None] * np.exp(eta) - claims",
            "residual = exposure * np.exp(eta) - claims",
            "broadcast",
        )
    ],
    [("dintercept = residual.sum()", "dintercept = residual.mean()", "extra mean")],
    [("dcoef = X.T @ residual + 0.1 * coef", "dcoef = X.T @ residual + 0.05 * coef", "factor")],
    [
        ("dcoef = X.T @ residual + 0.1 * coef", "dcoef = X.T @ residual", "missing path"),
        ("    residual = residual / len(X)\n", "", "missing mean"),
    ],
)
