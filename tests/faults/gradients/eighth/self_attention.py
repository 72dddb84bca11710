"""One head of self-attention over a batch of sentences, a causal mask, mean pooling, and a linear regression."""

import numpy as np


class AttentionRegressor:
    def __init__(self, rng, d, k):
        self.Wq = rng.normal(size=(d, k))
        self.Wk = rng.normal(size=(d, k))
        self.Wv = rng.normal(size=(d, k))
        self.w = rng.normal(size=k)
        self.scale = 1 / np.sqrt(k)

    def forward(self, X, y):
        self.X, self.y = X, y
        self.Q, self.K, self.V = X @ self.Wq, X @ self.Wk, X @ self.Wv
        S = self.Q @ self.K.transpose(0, 2, 1) * self.scale
        T = X.shape[1]
        S = np.where(np.tril(np.ones((T, T))) > 0, S, -1e9)
        E = np.exp(S - S.max(axis=-1, keepdims=True))
        self.A = E / E.sum(axis=-1, keepdims=True)
        self.H = self.A @ self.V
        self.pool = self.H.mean(axis=1)
        self.pred = self.pool @ self.w
        return ((self.pred - y) ** 2).mean()

    def backward(self):
        B, T, _ = self.X.shape
        dpred = 2 * (self.pred - self.y) / B
        dw = self.pool.T @ dpred
        dpool = dpred[:, None] * self.w
        dH = np.repeat(dpool[:, None, :], T, axis=1) / T
        dA = dH @ self.V.transpose(0, 2, 1)
        dV = self.A.transpose(0, 2, 1) @ dH
        dS = self.A * (dA - (dA * self.A).sum(axis=-1, keepdims=True))
        dQ = dS @ self.K * self.scale
        dK = dS.transpose(0, 2, 1) @ self.Q * self.scale
        dWq = np.einsum("btd,btk->dk", self.X, dQ)
        dWk = np.einsum("btd,btk->dk", self.X, dK)
        dWv = np.einsum("btd,btk->dk", self.X, dV)
        return {"Wq": dWq, "Wk": dWk, "Wv": dWv, "w": dw}


def subject(rng):
    model = AttentionRegressor(rng, 3, 5)
    return model.forward, model.backward, (rng.normal(size=(7, 4, 3)), rng.normal(size=7))


FAULTS = (
    [("dK = dS.transpose(0, 2, 1) @ self.Q * self.scale", "dK = dS @ self.Q * self.scale", "transpose")],
    [("dQ = dS @ self.K * self.scale", "dQ = dS @ self.K", "factor")],
    [
        (
            "dH = np.repeat(dpool[:, None, :], T, axis=1) / T",
            "dH = np.repeat(dpool[:, None, :], T, axis=1)",
            "missing mean",
        )
    ],
    [
        (
            "dS = self.A * (dA - (dA * self.A).sum(axis=-1, keepdims=True))",
            "dS = self.A * (1 - self.A) * dA",
            "wrong derivative",
        ),
        ("dpred = 2 * (self.pred - self.y) / B", "dpred = 2 * (self.y - self.pred) / B", "sign"),
    ],
    [
        ("dpred = 2 * (self.pred - self.y) / B", "dpred = 2 * (self.pred - self.y)", "missing mean"),
        ("dK = dS.transpose(0, 2, 1) @ self.Q * self.scale", "dK = dS @ self.Q * self.scale", "transpose"),
    ],
)
