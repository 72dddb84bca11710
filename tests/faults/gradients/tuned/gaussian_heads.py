"""A regression that gives a mean and a log-variance."""

import numpy as np


def nll(x, y, A, B):
    mean = x @ A
    log_var = x @ B
    return 0.5 * np.mean(log_var + (y - mean) ** 2 * np.exp(-log_var))


def nll_backward(x, y, A, B):
    mean, log_var = x.dot(A), x.dot(B)
    precision = np.exp(-log_var)
    n = y.size
    d_mean = -(y - mean) * precision / n
    d_log_var = 0.5 * (1 - (y - mean) ** 2 * precision) / n
    return {"A": x.T.dot(d_mean), "B": x.T.dot(d_log_var)}


def subject(rng):
    return (
        nll,
        nll_backward,
        (rng.normal(size=(9, 3)), rng.normal(size=9), rng.normal(size=3), 0.5 * rng.normal(size=3)),
    )


FAULTS = (
    [("d_mean = -(y - mean) * precision / n", "d_mean = (y - mean) * precision / n", "sign")],
    [("d_mean = -(y - mean) * precision / n", "d_mean = -2 * (y - mean) * precision / n", "factor")],
    [("d_mean = -(y - mean) * precision / n", "d_mean = -(y - mean) / n", "missing derivative")],
    [
        (
            "d_log_var = 0.5 * (1 - (y - mean) ** 2 * precision) / n",
            "d_log_var = 0.5 * (1 - (y - mean) ** 2 * precision)",
            "missing mean",
        )
    ],
    [
        (
            "d_log_var = 0.5 * (1 - (y - mean) ** 2 * precision) / n",
            "d_log_var = 0.5 * -((y - mean) ** 2) * precision / n",
            "missing path",
        )
    ],
)
