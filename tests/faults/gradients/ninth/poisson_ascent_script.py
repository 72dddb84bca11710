"""Poisson regression by ascent of the log-likelihood, with a ridge on the slopes."""

import numpy as np

rng = np.random.default_rng(17)
n, p = 11, 3
X = 0.6 * rng.normal(size=(n, p))
counts = rng.poisson(np.exp(0.4 + X @ np.array([0.8, -0.5, 0.3])))

coef = rng.normal(0, 0.3, size=p)
intercept = 0.1
ridge = 0.5
rate = 0.02

for sweep in range(80):
    eta = intercept + X @ coef
    mu = np.exp(eta)
    log_likelihood = np.sum(counts * eta - mu) - 0.5 * ridge * coef @ coef

    score_coef = X.T @ (counts - mu) - ridge * coef
    score_intercept = np.sum(counts - mu)

    coef = coef + rate * score_coef
    intercept = intercept + rate * score_intercept

print("coefficients", coef, "log-likelihood", log_likelihood)

FAULTS = (
    [("score_coef = X.T @ (counts - mu) - ridge * coef", "score_coef = X.T @ (counts - mu) + ridge * coef", "sign")],
    [
        (
            "score_coef = X.T @ (counts - mu) - ridge * coef",
            "score_coef = X.T @ (counts - eta) - ridge * coef",
            "wrong value",
        )
    ],
    [
        ("score_intercept = np.sum(counts - mu)", "score_intercept = np.mean(counts - mu)", "extra mean"),
        ("- ridge * coef\n", "- 2 * ridge * coef\n", "factor"),
    ],
)
