"""Two highway layers with carry gates between a projection and a logistic output."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def highway_forward(x, y, P, Wh1, bh1, Wt1, bt1, Wh2, bh2, Wt2, bt2, w):
    s = x @ P
    states = []
    for Wh, bh, Wt, bt in ((Wh1, bh1, Wt1, bt1), (Wh2, bh2, Wt2, bt2)):
        h = np.tanh(s @ Wh + bh)
        t = sigmoid(s @ Wt + bt)
        states.append((s, h, t))
        s = h * t + s * (1 - t)
    p = sigmoid(s @ w)
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    return loss, states, s, p


def highway_backward(x, y, Wh1, Wt1, Wh2, Wt2, w, states, s, p):
    d_score = (p - y) / len(y)
    grads = {"w": s.T @ d_score}
    ds = np.outer(d_score, w)
    for k, Wh, Wt in ((2, Wh2, Wt2), (1, Wh1, Wt1)):
        s_in, h, t = states[k - 1]
        d_pre_h = ds * t * (1 - h**2)
        d_pre_t = ds * (h - s_in) * t * (1 - t)
        grads[f"Wh{k}"] = s_in.T @ d_pre_h
        grads[f"bh{k}"] = d_pre_h.sum(axis=0)
        grads[f"Wt{k}"] = s_in.T @ d_pre_t
        grads[f"bt{k}"] = d_pre_t.sum(axis=0)
        carry = ds * (1 - t)
        ds = carry + d_pre_h @ Wh.T + d_pre_t @ Wt.T
    grads["P"] = x.T @ ds
    return grads


def subject(rng):
    x, y = rng.normal(size=(7, 3)), rng.integers(0, 2, 7).astype(float)
    layers = [rng.normal(size=shape) for shape in 2 * ((5, 5), (5,), (5, 5), (5,))]
    return highway_forward, highway_backward, (x, y, rng.normal(size=(3, 5)), *layers, rng.normal(size=5))


FAULTS = (
    [("d_pre_t = ds * (h - s_in) * t * (1 - t)", "d_pre_t = ds * h * t * (1 - t)", "missing path")],
    [("ds = carry + d_pre_h @ Wh.T + d_pre_t @ Wt.T", "ds = d_pre_h @ Wh.T + d_pre_t @ Wt.T", "missing path")],
    [("d_pre_h @ Wh.T + d_pre_t @ Wt.T", "d_pre_h @ Wh + d_pre_t @ Wt.T", "transpose")],
    [
        ("d_pre_h = ds * t * (1 - h**2)", "d_pre_h = ds * t", "missing derivative"),
        ("d_score = (p - y) / len(y)", "d_score = p - y", "missing mean"),
    ],
)
