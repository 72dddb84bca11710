"""One head of scaled dot-product attention over a sequence, keys and queries of their own size, squared error."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention_forward(X, Y, Wq, Wk, Wv):
    """X: (N, T, D), Y: (N, T, M)."""
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    scale = 1 / np.sqrt(Wq.shape[1])
    A = softmax(Q @ K.transpose(0, 2, 1) * scale)
    O = A @ V
    loss = 0.5 * np.sum((O - Y) ** 2) / len(X)
    return loss, Q, K, V, A, O


def attention_backward(X, Y, Wq, Q, K, V, A, O):
    scale = 1 / np.sqrt(Wq.shape[1])
    dO = (O - Y) / len(X)
    dV = A.transpose(0, 2, 1) @ dO
    dA = dO @ V.transpose(0, 2, 1)
    dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True))
    dQ = dS @ K * scale
    dK = dS.transpose(0, 2, 1) @ Q * scale
    dWq = np.einsum("ntd,ntk->dk", X, dQ)
    dWk = np.einsum("ntd,ntk->dk", X, dK)
    dWv = np.einsum("ntd,ntm->dm", X, dV)
    return dWq, dWk, dWv


def subject(rng):
    X, Y = rng.normal(size=(3, 5, 4)), rng.normal(size=(3, 5, 2))
    args = (X, Y, rng.normal(size=(4, 6)), rng.normal(size=(4, 6)), rng.normal(size=(4, 2)))
    return attention_forward, attention_backward, args, {"wrt": ("Wq", "Wk", "Wv")}


FAULTS = (
    [("dK = dS.transpose(0, 2, 1) @ Q * scale", "dK = dS @ Q * scale", "transpose")],
    [("dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True))", "dS = A * dA", "missing path")],
    [
        ("dQ = dS @ K * scale", "dQ = dS @ K", "factor"),
        ("dV = A.transpose(0, 2, 1) @ dO", "dV = A @ dO", "transpose"),
    ],
    [
        ("np.sum(dA * A, axis=-1, keepdims=True)", "np.sum(dA * A, axis=1, keepdims=True)", "wrong axis"),
        ("dO = (O - Y) / len(X)", "dO = O - Y", "missing mean"),
    ],
)
