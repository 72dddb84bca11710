"""Softmax regression by going up the likelihood."""

import numpy as np

rng = np.random.default_rng(13)
X = rng.normal(size=(15, 4))
classes = rng.integers(0, 3, size=15)
Y = np.eye(3)[classes]
W = 0.1 * rng.normal(size=(4, 3))
b = 0.1 * rng.normal(size=3)
eta = 0.2

for it in range(40):
    S = X @ W + b
    P = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    log_likelihood = np.sum(Y * np.log(P)) / len(X)
    G = (Y - P) / len(X)
    gW = X.T @ G
    gb = G.sum(axis=0)
    W += eta * gW
    b += eta * gb
    if it % 10 == 0:
        print(f"{it:3d} {log_likelihood:.4f}")

FAULTS = (
    [("G = (Y - P) / len(X)", "G = Y - P", "missing mean")],
    [("W += eta * gW", "W -= eta * gW", "climbs")],
    [("G = (Y - P) / len(X)", "G = (Y - P) * P * (1 - P) / len(X)", "output derivative twice")],
    [
        ("G = (Y - P) / len(X)", "G = (np.roll(Y, 1, axis=1) - P) / len(X)", "wrong target"),
        ("gb = G.sum(axis=0)", "gb = G.mean(axis=0)", "extra mean"),
    ],
)
