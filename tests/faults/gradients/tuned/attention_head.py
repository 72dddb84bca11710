"""One head of attention over a sequence."""

import numpy as np


def forward(X, T, Wq, Wk, Wv):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    S = Q @ K.T / np.sqrt(K.shape[1])
    E = np.exp(S - S.max(axis=1, keepdims=True))
    A = E / E.sum(axis=1, keepdims=True)
    O = A @ V
    loss = 0.5 * np.sum((O - T) ** 2)
    return loss, (X, Q, K, V, A, O, T)


def backward(cache):
    X, Q, K, V, A, O, T = cache
    dO = O - T
    dV = A.T @ dO
    dA = dO @ V.T
    dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))
    dS = dS / np.sqrt(K.shape[1])
    dQ = dS @ K
    dK = dS.T @ Q
    return X.T @ dQ, X.T @ dK, X.T @ dV


def subject(rng):
    weights = [rng.normal(size=(4, 3)) for _ in range(3)]
    return forward, backward, (rng.normal(size=(5, 4)), rng.normal(size=(5, 3)), *weights), {"wrt": ["Wq", "Wk", "Wv"]}


FAULTS = (
    [("    dS = dS / np.sqrt(K.shape[1])\n", "", "factor")],
    [("dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))", "dS = A * dA", "missing path")],
    [("dV = A.T @ dO", "dV = A @ dO", "transpose")],
    [("dK = dS.T @ Q", "dK = dS @ Q", "transpose")],
    [("dO = O - T", "dO = T - O", "sign")],
)
