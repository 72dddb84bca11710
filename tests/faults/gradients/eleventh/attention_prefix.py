"""One head of causal attention learns the mean of what came before; AdamW."""

import numpy as np

rng = np.random.default_rng(4)
B, T, D = 6, 5, 4
X = rng.normal(size=(B, T, D))
Y = np.cumsum(X, axis=1) / np.arange(1, T + 1)[None, :, None]
mask = np.triu(np.full((T, T), -1e9), k=1)

Wq, Wk, Wv, Wo = (rng.normal(scale=0.6, size=(D, D)) for _ in range(4))
bo = np.zeros(D)
params = [Wq, Wk, Wv, Wo, bo]
first = [np.zeros_like(p) for p in params]
second = [np.zeros_like(p) for p in params]
lr, decay = 0.03, 0.01
scale = 1 / np.sqrt(D)

for step in range(1, 26):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    S = Q @ K.transpose(0, 2, 1) * scale + mask
    A = np.exp(S - S.max(-1, keepdims=True))
    A /= A.sum(-1, keepdims=True)
    O = A @ V
    pred = O @ Wo + bo
    loss = ((pred - Y) ** 2).mean()
    if step % 5 == 1:
        print(step, loss)

    d_pred = 2 * (pred - Y) / Y.size
    gWo = np.einsum("btd,bte->de", O, d_pred)
    gbo = d_pred.sum((0, 1))
    dO = d_pred @ Wo.T
    dV = A.transpose(0, 2, 1) @ dO
    dA = dO @ V.transpose(0, 2, 1)
    dS = A * (dA - (dA * A).sum(-1, keepdims=True))
    dQ = dS @ K * scale
    dK = dS.transpose(0, 2, 1) @ Q * scale
    gWq = np.einsum("btd,bte->de", X, dQ)
    gWk = np.einsum("btd,bte->de", X, dK)
    gWv = np.einsum("btd,bte->de", X, dV)

    for p, g, m, v in zip(params, [gWq, gWk, gWv, gWo, gbo], first, second):
        m[...] = 0.9 * m + 0.1 * g
        v[...] = 0.99 * v + 0.01 * g * g
        p -= lr * (m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8) + decay * p)

FAULTS = (
    [("dV = A.transpose(0, 2, 1) @ dO", "dV = A @ dO", "transpose")],
    [("dK = dS.transpose(0, 2, 1) @ Q * scale", "dK = dS.transpose(0, 2, 1) @ Q", "factor")],
    [("(dA * A).sum(-1, keepdims=True))", "(dA * A).sum(1, keepdims=True))", "wrong axis")],
    [("dA = dO @ V.transpose(0, 2, 1)", "dA = dO @ K.transpose(0, 2, 1)", "wrong value")],
    [
        ("dO = d_pred @ Wo.T", "dO = np.clip(d_pred @ Wo.T, -0.005, 0.005)", "clipped"),
        ("gbo = d_pred.sum((0, 1))", "gbo = d_pred.mean((0, 1))", "extra mean"),
    ],
)
