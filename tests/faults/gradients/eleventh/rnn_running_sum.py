"""A vanilla RNN that adds up a sequence; Adagrad with clipping, after a well-known gist."""

import numpy as np

np.random.seed(5)
n_seq, T, hidden_size = 20, 6, 7
inputs = np.random.uniform(-0.5, 0.5, (T, 1, n_seq))
targets = inputs.sum(axis=0)

Wxh = np.random.randn(hidden_size, 1) * 0.4
Whh = np.random.randn(hidden_size, hidden_size) * 0.3
Why = np.random.randn(1, hidden_size) * 0.4
bh = np.zeros((hidden_size, 1))
by = np.zeros((1, 1))


def loss_fun(hprev):
    hs = {-1: hprev}
    for t in range(T):
        hs[t] = np.tanh(np.dot(Wxh, inputs[t]) + np.dot(Whh, hs[t - 1]) + bh)
    out = np.dot(Why, hs[T - 1]) + by
    loss = 0.5 * np.sum((out - targets) ** 2) / n_seq

    dWxh, dWhh, dbh = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(bh)
    dout = (out - targets) / n_seq
    dWhy = np.dot(dout, hs[T - 1].T)
    dby = dout.sum(axis=1, keepdims=True)
    dh = np.dot(Why.T, dout)
    for t in reversed(range(T)):
        dhraw = (1 - hs[t] * hs[t]) * dh  # through tanh
        dbh += dhraw.sum(axis=1, keepdims=True)
        dWxh += np.dot(dhraw, inputs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dh = np.dot(Whh.T, dhraw)
    for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
        np.clip(dparam, -5, 5, out=dparam)
    return loss, dWxh, dWhh, dWhy, dbh, dby


mWxh, mWhh, mWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
mbh, mby = np.zeros_like(bh), np.zeros_like(by)
for n in range(25):
    loss, dWxh, dWhh, dWhy, dbh, dby = loss_fun(np.zeros((hidden_size, n_seq)))
    if n % 5 == 0:
        print(f"iter {n}, loss: {loss:f}")
    for param, dparam, mem in zip([Wxh, Whh, Why, bh, by], [dWxh, dWhh, dWhy, dbh, dby], [mWxh, mWhh, mWhy, mbh, mby]):
        mem += dparam * dparam
        param += -0.05 * dparam / np.sqrt(mem + 1e-8)

FAULTS = (
    [("dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = (1 - hs[t - 1] * hs[t - 1]) * dh", "wrong value")],
    [("dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = (1 - np.tanh(hs[t]) ** 2) * dh", "derivative at the output")],
    [("dh = np.dot(Whh.T, dhraw)", "dh = np.clip(np.dot(Whh.T, dhraw), -0.002, 0.002)", "clipped")],
    [
        ("dWhh += np.dot(dhraw, hs[t - 1].T)", "dWhh += np.dot(hs[t - 1], dhraw.T)", "transpose"),
        ("dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = hs[t] * (1 - hs[t]) * dh", "wrong derivative"),
    ],
)
