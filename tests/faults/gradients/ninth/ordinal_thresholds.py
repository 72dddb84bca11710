"""Ordinal logistic regression with cumulative logits: P(y ≤ k) = σ(θ_k − x·w); four grades, three thresholds."""

import numpy as np


def expit(z):
    return 1 / (1 + np.exp(-z))


def cumulative_nll(w, theta, X, grades):
    score = X @ w
    cum = np.hstack([np.zeros((len(X), 1)), expit(theta - score[:, None]), np.ones((len(X), 1))])
    rows = np.arange(len(X))
    upper, lower = cum[rows, grades + 1], cum[rows, grades]
    prob = upper - lower
    return -np.log(prob).mean(), upper, lower, prob


def cumulative_grad(w, theta, X, grades, upper, lower, prob):
    n, n_thresholds = len(X), len(theta)
    d_upper = -upper * (1 - upper) / prob / n
    d_lower = lower * (1 - lower) / prob / n
    d_theta = np.zeros(n_thresholds)
    for i in range(n):
        if grades[i] < n_thresholds:
            d_theta[grades[i]] += d_upper[i]
        if grades[i] > 0:
            d_theta[grades[i] - 1] += d_lower[i]
    d_score = -(d_upper + d_lower)
    d_w = X.T @ d_score
    return {"w": d_w, "theta": d_theta}


def subject(rng):
    X, grades = rng.normal(size=(11, 3)), rng.permutation([0, 1, 2, 3, 0, 1, 2, 3, 1, 2, 0])
    return cumulative_nll, cumulative_grad, (rng.normal(size=3), np.array([-1.1, 0.2, 1.4]), X, grades)


FAULTS = (
    [("d_score = -(d_upper + d_lower)", "d_score = d_upper + d_lower", "sign")],
    [("d_theta[grades[i]] += d_upper[i]", "d_theta[grades[i]] = d_upper[i]", "missing path")],
    [("d_upper = -upper * (1 - upper) / prob / n", "d_upper = -upper * (1 - upper) / n", "missing derivative")],
    [
        ("d_lower = lower * (1 - lower) / prob / n", "d_lower = -lower * (1 - lower) / prob / n", "sign"),
        ("d_w = X.T @ d_score", "d_w = X.T @ d_score / n", "extra mean"),
    ],
)
