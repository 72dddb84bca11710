"""Poisson regression of counts."""

import numpy as np


def objective(features, counts, beta):
    eta = features @ beta
    return np.sum(np.exp(eta) - counts * eta) / counts.shape[0]


def score(features, counts, beta):
    rate = np.exp(features @ beta)
    residual = rate - counts
    return features.T @ residual / counts.shape[0]


def subject(rng):
    return (
        objective,
        score,
        (rng.normal(size=(11, 4)), rng.poisson(2.0, 11).astype(float), 0.3 * rng.normal(size=4)),
        {"wrt": ["beta"]},
    )


FAULTS = (
    [("residual = rate - counts", "residual = counts - rate", "sign")],
    [("return features.T @ residual / counts.shape[0]", "return features.T @ residual", "missing mean")],
    [("residual = rate - counts", "residual = (rate - counts) * rate", "output derivative twice")],
)
