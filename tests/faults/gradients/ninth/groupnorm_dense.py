"""Group normalisation of the features of a dense layer, two groups of three, sigmoid and squared error."""

import numpy as np

GROUPS = 2


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(x, target, W, gamma, beta, v):
    z = x @ W
    N, C = z.shape
    grouped = z.reshape(N, GROUPS, C // GROUPS)
    centered = grouped - grouped.mean(axis=-1, keepdims=True)
    std = np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5)
    norm = centered / std
    scaled = gamma * norm.reshape(N, C) + beta
    a = sigmoid(scaled)
    diff = a @ v - target
    return np.mean(diff**2), std, norm, a, diff


def backward(x, gamma, v, std, norm, a, diff):
    N, C = a.shape
    d_pred = 2 * diff / N
    dv = a.T @ d_pred
    da = np.outer(d_pred, v)
    d_scaled = da * a * (1 - a)
    d_gamma = (d_scaled * norm.reshape(N, C)).sum(axis=0)
    d_beta = d_scaled.sum(axis=0)
    d_norm = (d_scaled * gamma).reshape(norm.shape)
    d_mean = d_norm.mean(axis=-1, keepdims=True)
    d_var = (d_norm * norm).mean(axis=-1, keepdims=True)
    dz = ((d_norm - d_mean - norm * d_var) / std).reshape(N, C)
    dW = x.T @ dz
    return {"W": dW, "gamma": d_gamma, "beta": d_beta, "v": dv}


def subject(rng):
    x, target = rng.normal(size=(7, 4)), rng.normal(size=7)
    return (
        forward,
        backward,
        (x, target, rng.normal(size=(4, 6)), rng.normal(1, 0.3, 6), rng.normal(size=6), rng.normal(size=6)),
    )


FAULTS = (
    [("dz = ((d_norm - d_mean - norm * d_var) / std)", "dz = ((d_norm - norm * d_var) / std)", "missing path")],
    [
        ("d_scaled = da * a * (1 - a)", "d_scaled = da * sigmoid(a) * (1 - sigmoid(a))", "derivative at the output"),
        ("d_beta = d_scaled.sum(axis=0)", "d_beta = d_scaled.mean(axis=0)", "extra mean"),
    ],
    [
        ("d_pred = 2 * diff / N", "d_pred = 2 * diff", "missing mean"),
        (
            "dz = ((d_norm - d_mean - norm * d_var) / std)",
            "dz = (d_norm - d_mean - norm * d_var)",
            "missing derivative",
        ),
    ],
)
