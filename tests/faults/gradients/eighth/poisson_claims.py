"""Poisson regression for claims per policy, with the exposure as an offset and samples in columns of one."""

import numpy as np


def negative_log_likelihood(X, counts, log_exposure, beta, beta0):
    eta = X @ beta + beta0 + log_exposure
    rate = np.exp(eta)
    return np.mean(rate - counts * eta), rate


def score(X, counts, rate):
    n = X.shape[0]
    d_eta = (rate - counts) / n
    d_beta = X.T @ d_eta
    d_beta0 = np.sum(d_eta, axis=0)
    return {"beta": d_beta, "beta0": d_beta0}


def subject(rng):
    X = 0.5 * rng.normal(size=(9, 4))
    counts = rng.poisson(1.5, (9, 1)).astype(float)
    log_exposure = np.log(rng.uniform(0.2, 1.0, (9, 1)))
    return negative_log_likelihood, score, (X, counts, log_exposure, rng.normal(size=(4, 1)), rng.normal(size=1))


FAULTS = (
    [("d_eta = (rate - counts) / n", "d_eta = (1 - counts / rate) / n", "missing derivative")],
    [("d_beta0 = np.sum(d_eta, axis=0)", "d_beta0 = np.mean(d_eta, axis=0)", "extra mean")],
    [("d_eta = (rate - counts) / n", "d_eta = (rate - counts.ravel()) / n", "broadcast")],
    [
        ("d_eta = (rate - counts) / n", "d_eta = (counts - rate) / n", "sign"),
        ("d_beta0 = np.sum(d_eta, axis=0)", "d_beta0 = d_eta", "not summed"),
    ],
)
