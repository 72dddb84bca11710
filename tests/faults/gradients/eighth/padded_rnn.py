"""Forecasts from sequences of different lengths: a masked RNN whose loss is averaged over the steps that count."""

import numpy as np


def rnn_forward(x, target, mask, A, B, c, v):
    h = np.zeros((x.shape[0], A.shape[0]))
    hs, errors, loss = [h], [], 0.0
    for t in range(x.shape[1]):
        h = np.tanh(h @ A + x[:, t] @ B + c)
        err = (h @ v - target[:, t]) * mask[:, t]
        loss = loss + np.sum(err**2)
        hs.append(h)
        errors.append(err)
    return loss / np.sum(mask), hs, errors


def rnn_backward(x, mask, A, B, c, v, hs, errors):
    dA, dB, dc, dv = np.zeros_like(A), np.zeros_like(B), np.zeros_like(c), np.zeros_like(v)
    dh_next = np.zeros_like(hs[0])
    steps = np.sum(mask)
    for t in reversed(range(x.shape[1])):
        dout = 2 * errors[t] * mask[:, t] / steps
        dv += hs[t + 1].T @ dout
        dh = np.outer(dout, v) + dh_next
        dz = dh * (1 - hs[t + 1] ** 2)
        dA += hs[t].T @ dz
        dB += x[:, t].T @ dz
        dc += dz.sum(axis=0)
        dh_next = dz @ A.T
    return {"A": dA, "B": dB, "c": dc, "v": dv}


def subject(rng):
    x, target = rng.normal(size=(5, 4, 2)), rng.normal(size=(5, 4))
    mask = (np.arange(4) < np.array([4, 3, 2, 4, 1])[:, None]).astype(float)
    weights = rng.normal(size=(3, 3)), rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=3)
    return rnn_forward, rnn_backward, (x, target, mask, *weights)


FAULTS = (
    [("dA += hs[t].T @ dz", "dA += hs[t + 1].T @ dz", "wrong value")],
    [("dh = np.outer(dout, v) + dh_next", "dh = np.clip(np.outer(dout, v) + dh_next, -0.03, 0.03)", "clipped")],
    [
        ("dout = 2 * errors[t] * mask[:, t] / steps", "dout = 2 * errors[t] * mask[:, t]", "missing mean"),
        ("dc += dz.sum(axis=0)", "dc += dz.mean(axis=0)", "extra mean"),
    ],
)
