"""A contrastive loss of two views: each row must find its partner among all others."""

import numpy as np

TAU = 0.5


def forward(X, W):
    Z = X @ W
    norm = np.sqrt(np.sum(Z**2, axis=1, keepdims=True))
    U = Z / norm
    n = len(X)
    S = U @ U.T / TAU
    E = np.exp(S) * (1 - np.eye(n))
    P = E / E.sum(axis=1, keepdims=True)
    partner = (np.arange(n) + n // 2) % n
    loss = -np.mean(np.log(P[np.arange(n), partner]))
    return loss, (X, norm, U, P, partner)


def backward(cache):
    X, norm, U, P, partner = cache
    n = len(X)
    target = np.zeros((n, n))
    target[np.arange(n), partner] = 1
    dS = (P - target) / n
    dU = (dS + dS.T) @ U / TAU
    dZ = (dU - U * np.sum(dU * U, axis=1, keepdims=True)) / norm
    return X.T @ dZ


def subject(rng):
    return forward, backward, (rng.normal(size=(6, 4)), rng.normal(size=(4, 3))), {"wrt": ["W"]}


FAULTS = (
    [("dU = (dS + dS.T) @ U / TAU", "dU = dS @ U / TAU", "missing path")],
    [("dU = (dS + dS.T) @ U / TAU", "dU = (dS + dS.T) @ U", "factor")],
    [("dZ = (dU - U * np.sum(dU * U, axis=1, keepdims=True)) / norm", "dZ = dU", "missing derivative")],
    [("target[np.arange(n), partner] = 1", "target[np.arange(n), partner - 1] = 1", "wrong target")],
    [
        ("dS = (P - target) / n", "dS = (target - P) / n", "sign"),
        ("dZ = (dU - U * np.sum(dU * U, axis=1, keepdims=True)) / norm", "dZ = dU / norm", "missing path"),
    ],
)
