"""A mixture of normal distributions on a line, by the gradient of its likelihood."""

import numpy as np


def neg_log_lik(x, logits, mu, log_sigma):
    weights = np.exp(logits) / np.exp(logits).sum()
    z = (x[:, None] - mu) / np.exp(log_sigma)
    dens = weights * np.exp(-0.5 * z**2 - log_sigma)
    total = dens.sum(axis=1)
    return -np.log(total).mean(), (weights, z, dens, total)


def grad_neg_log_lik(x, logits, mu, log_sigma):
    n = x.shape[0]
    sigma = np.exp(log_sigma)
    _, (weights, z, dens, total) = neg_log_lik(x, logits, mu, log_sigma)
    resp = dens / total[:, None]
    d_logits = (weights - resp).sum(axis=0) / n
    d_z = resp * z / n
    d_mu = (d_z * (-1 / sigma)).sum(axis=0)
    d_log_sigma = (resp / n - d_z * z).sum(axis=0)
    return d_logits, d_mu, d_log_sigma


def subject(rng):
    return (
        neg_log_lik,
        grad_neg_log_lik,
        (rng.normal(size=6), rng.normal(size=3), rng.normal(size=3), 0.3 * rng.normal(size=3)),
        {"wrt": ["logits", "mu", "log_sigma"]},
    )


FAULTS = (
    [("d_logits = (weights - resp)", "d_logits = -resp", "missing path")],
    [("d_mu = (d_z * (-1 / sigma)).sum(axis=0)", "d_mu = (d_z * (1 / sigma)).sum(axis=0)", "sign")],
    [("d_log_sigma = (resp / n - d_z * z)", "d_log_sigma = -(d_z * z)", "missing path")],
    [("d_logits = (weights - resp).sum(axis=0) / n", "d_logits = (weights - resp).sum(axis=0)", "missing mean")],
    [
        ("d_z = resp * z / n", "d_z = 2 * resp * z / n", "factor"),
        ("d_logits = (weights - resp).sum(axis=0) / n", "d_logits = (resp - weights).sum(axis=0) / n", "sign"),
    ],
)
