"""A linear model with one common, learned spread: the likelihood of a Laplace distribution."""

import numpy as np


def nll(X, y, w, b, log_spread):
    location = X @ w + b  # (N, 1)
    spread = np.exp(log_spread)
    distance = np.abs(y[:, None] - location)
    return np.mean(distance / spread) + log_spread + np.log(2), location, spread


def nll_gradient(X, y, location, spread):
    N = len(y)
    d_location = -np.sign(y[:, None] - location) / spread / N
    d_log_spread = 1 - np.mean(np.abs(y[:, None] - location)) / spread
    dw = X.T @ d_location
    db = np.sum(d_location, axis=0)
    return {"w": dw, "b": db, "log_spread": d_log_spread}


def subject(rng):
    X, y = rng.normal(size=(11, 3)), rng.normal(size=11)
    return nll, nll_gradient, (X, y, 3 * rng.normal(size=(3, 1)), 2 + rng.normal(size=1), np.array(0.3))


FAULTS = (
    [("np.mean(np.abs(y[:, None] - location)) / spread", "np.mean(np.abs(y - location)) / spread", "broadcast")],
    [
        (
            "d_location = -np.sign(y[:, None] - location) / spread / N",
            "d_location = -np.sign(y[:, None] - location) / N",
            "missing derivative",
        )
    ],
    [
        ("d_location = -np.sign(y[:, None] - location)", "d_location = np.sign(y[:, None] - location)", "sign"),
        ("db = np.sum(d_location, axis=0)", "db = np.mean(d_location, axis=0)", "extra mean"),
    ],
    [
        ("np.mean(np.abs(y[:, None] - location)) / spread", "np.mean(np.abs(y - location)) / spread", "broadcast"),
        (
            "d_location = -np.sign(y[:, None] - location) / spread / N",
            "d_location = -np.sign(y[:, None] - location) / spread",
            "missing mean",
        ),
    ],
)
