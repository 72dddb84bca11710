"""An autoencoder whose decoder is the transposed encoder."""

import numpy as np


def reconstruction_loss(X, W, b, c):
    H = 1 / (1 + np.exp(-(X @ W + b)))
    R = H @ W.T + c
    return 0.5 * np.sum((R - X) ** 2) / X.shape[0]


def reconstruction_grads(X, W, b, c):
    H = 1 / (1 + np.exp(-(X @ W + b)))
    R = H @ W.T + c
    dR = (R - X) / X.shape[0]
    dH = dR @ W
    dZ = dH * H * (1 - H)
    dW = X.T @ dZ + dR.T @ H
    return dW, dZ.sum(axis=0), dR.sum(axis=0)


def subject(rng):
    args = (rng.normal(size=(7, 4)), rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=4))
    return reconstruction_loss, reconstruction_grads, args, {"wrt": ["W", "b", "c"]}


FAULTS = (
    [("dW = X.T @ dZ + dR.T @ H", "dW = X.T @ dZ", "missing path")],
    [("dW = X.T @ dZ + dR.T @ H", "dW = dR.T @ H", "missing path")],
    [("dZ = dH * H * (1 - H)", "dZ = dH * (1 - H)", "wrong derivative")],
    [("dR = (R - X) / X.shape[0]", "dR = R - X", "missing mean")],
    [("dR = (R - X) / X.shape[0]", "dR = (X - R) / X.shape[0]", "sign")],
)
