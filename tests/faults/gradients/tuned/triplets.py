"""Embeddings of length one; the positive is to be nearer than the negative by a margin."""

import numpy as np


def embed(x, W):
    u = x @ W
    length = np.sqrt(np.sum(u * u, axis=1, keepdims=True))
    return u / length, length


def embed_back(dy, y, length, x):
    du = (dy - y * np.sum(dy * y, axis=1, keepdims=True)) / length
    return x.T @ du


def triplet_loss(anchor, positive, negative, W):
    a, _ = embed(anchor, W)
    p, _ = embed(positive, W)
    n, _ = embed(negative, W)
    gap = np.sum((a - p) ** 2, axis=1) - np.sum((a - n) ** 2, axis=1) + 0.5
    return np.sum(np.maximum(gap, 0)) / len(gap)


def triplet_grad(anchor, positive, negative, W):
    a, la = embed(anchor, W)
    p, lp = embed(positive, W)
    n, ln = embed(negative, W)
    gap = np.sum((a - p) ** 2, axis=1) - np.sum((a - n) ** 2, axis=1) + 0.5
    on = (gap > 0)[:, None] / len(gap)
    da = 2 * on * (n - p)
    dp = -2 * on * (a - p)
    dn = 2 * on * (a - n)
    dW = embed_back(da, a, la, anchor)
    dW = dW + embed_back(dp, p, lp, positive)
    dW = dW + embed_back(dn, n, ln, negative)
    return dW


def subject(rng):
    args = (*(rng.normal(size=(8, 5)) for _ in range(3)), rng.normal(size=(5, 4)))
    return triplet_loss, triplet_grad, args, {"wrt": ["W"]}


FAULTS = (
    [("on = (gap > 0)[:, None] / len(gap)", "on = (gap > 0)[:, None]", "missing mean")],
    [("on = (gap > 0)[:, None] / len(gap)", "on = np.ones((len(gap), 1)) / len(gap)", "missing derivative")],
    [("    dW = dW + embed_back(dn, n, ln, negative)\n", "", "missing path")],
    [("dp = -2 * on * (a - p)", "dp = 2 * on * (a - p)", "sign")],
    [("du = (dy - y * np.sum(dy * y, axis=1, keepdims=True)) / length", "du = dy / length", "missing path")],
    [("keepdims=True)) / length", "keepdims=True))", "missing derivative")],
)
