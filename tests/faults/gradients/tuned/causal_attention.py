"""Attention that looks back only, over a batch, with a projection behind it."""

import numpy as np


def attend(x, y, Wq, Wk, Wv, Wo):
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    length = x.shape[1]
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
    mask = np.triu(np.ones((length, length)), 1) > 0
    scores = np.where(mask, -1e9, scores)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    a = e / e.sum(axis=-1, keepdims=True)
    c = a @ v
    out = c @ Wo
    return np.mean((out - y) ** 2), (q, k, v, a, c, out)


def attend_back(x, y, Wq, Wk, Wv, Wo, saved):
    q, k, v, a, c, out = saved
    d_out = 2 * (out - y) / out.size
    d_Wo = np.einsum("btd,bto->do", c, d_out)
    d_c = d_out @ Wo.T
    d_v = a.transpose(0, 2, 1) @ d_c
    d_a = d_c @ v.transpose(0, 2, 1)
    d_s = a * (d_a - np.sum(d_a * a, axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
    d_q = d_s @ k
    d_k = d_s.transpose(0, 2, 1) @ q
    d_Wq, d_Wk, d_Wv = (np.einsum("bti,btd->id", x, d) for d in (d_q, d_k, d_v))
    return {"Wq": d_Wq, "Wk": d_Wk, "Wv": d_Wv, "Wo": d_Wo}


def subject(rng):
    shapes = [(2, 4, 5), (2, 4, 6), (5, 3), (5, 3), (5, 3), (3, 6)]
    return attend, attend_back, tuple(rng.normal(size=shape) for shape in shapes)


FAULTS = (
    [("keepdims=True)) / np.sqrt(q.shape[-1])\n    d_q", "keepdims=True))\n    d_q", "factor")],
    [("d_k = d_s.transpose(0, 2, 1) @ q", "d_k = d_s @ q", "transpose")],
    [("d_v = a.transpose(0, 2, 1) @ d_c", "d_v = a @ d_c", "transpose")],
    [("a * (d_a - np.sum(d_a * a, axis=-1, keepdims=True))", "a * d_a", "missing path")],
    [("d_out = 2 * (out - y) / out.size", "d_out = (out - y) / out.size", "factor")],
    [("d_q = d_s @ k", "d_q = d_s @ q", "wrong value")],
)
