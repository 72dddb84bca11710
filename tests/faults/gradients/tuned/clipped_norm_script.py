"""A script: a small recurrent net whose gradients are scaled down together where their common norm is too large."""

import numpy as np

np.random.seed(5)
T, N, D, H = 4, 6, 2, 3
sequence = np.random.randn(N, T, D)
label = np.random.randn(N)
Wx = np.random.randn(D, H) * 0.8
Wh = np.random.randn(H, H) * 0.8
wo = np.random.randn(H)
step_size = 0.05
max_norm = 0.5

for it in range(30):
    states = [np.zeros((N, H))]
    for t in range(T):
        states.append(np.tanh(sequence[:, t] @ Wx + states[-1] @ Wh))
    out = states[-1] @ wo
    loss = 0.5 * np.mean((out - label) ** 2)

    dout = (out - label) / N
    dwo = states[-1].T @ dout
    dWx, dWh = np.zeros_like(Wx), np.zeros_like(Wh)
    ds = dout[:, None] * wo[None, :]
    for t in reversed(range(T)):
        da = ds * (1 - states[t + 1] ** 2)
        dWx += sequence[:, t].T @ da
        dWh += states[t].T @ da
        ds = da @ Wh.T

    norm = np.sqrt(sum(np.sum(g**2) for g in (dWx, dWh, dwo)))
    if norm > max_norm:
        dWx, dWh, dwo = (g * (max_norm / norm) for g in (dWx, dWh, dwo))
    for p, g in zip((Wx, Wh, wo), (dWx, dWh, dwo)):
        p -= step_size * g

FAULTS = (
    [("da = ds * (1 - states[t + 1] ** 2)", "da = ds * (1 - states[t] ** 2)", "wrong value")],
    [("ds = da @ Wh.T", "ds = da @ Wh", "transpose")],
    [("dwo = states[-1].T @ dout", "dwo = -states[-1].T @ dout", "sign")],
)
