"""Counts as products of positive factors, with exponentials that keep them positive, and the KL divergence."""

import numpy as np


def divergence(V, logW, logH):
    W, H = np.exp(logW), np.exp(logH)
    R = W @ H
    return np.sum(R - V * np.log(R)) / V.size + 0.05 * np.sum(W) / W.shape[0], W, H, R


def divergence_grad(V, logW, logH, W, H, R):
    E = (1 - V / R) / V.size
    gW = E @ H.T + 0.05 / W.shape[0]
    gH = W.T @ E
    return [gW * W, gH * H]


def subject(rng):
    args = (rng.integers(0, 6, (5, 7)).astype(float), 0.5 * rng.normal(size=(5, 3)), 0.5 * rng.normal(size=(3, 7)))
    return divergence, divergence_grad, args, {"wrt": ["logW", "logH"]}


FAULTS = (
    [("E = (1 - V / R) / V.size", "E = 1 - V / R", "missing mean")],
    [("E = (1 - V / R) / V.size", "E = (V / R - 1) / V.size", "sign")],
    [("return [gW * W, gH * H]", "return [gW * W, gH]", "missing derivative")],
    [("return [gW * W, gH * H]", "return [gW * logW, gH * H]", "derivative at the input")],
    [(" + 0.05 / W.shape[0]", "", "missing path")],
    [("E = (1 - V / R) / V.size", "E = -V / R / V.size", "missing path")],
)
