"""Two heads of attention with an output projection, averaged over time and read by a logistic unit."""

import numpy as np


class MultiHead:
    heads = 2

    def __init__(self, rng, dim):
        self.params = {name: 0.7 * rng.normal(size=(dim, dim)) for name in ("Wq", "Wk", "Wv", "Wo")}
        self.params["w"] = rng.normal(size=dim)

    def split(self, x):
        N, T, D = x.shape
        return x.reshape(N, T, self.heads, D // self.heads).transpose(0, 2, 1, 3)

    def merge(self, x):
        N, H, T, d = x.shape
        return x.transpose(0, 2, 1, 3).reshape(N, T, H * d)

    def forward(self, x, y):
        p = self.params
        self.x, self.y = x, y
        self.q, self.k, self.v = (self.split(x @ p[name]) for name in ("Wq", "Wk", "Wv"))
        self.scale = self.q.shape[-1] ** -0.5
        s = self.q @ self.k.swapaxes(-1, -2) * self.scale
        e = np.exp(s - s.max(axis=-1, keepdims=True))
        self.att = e / e.sum(axis=-1, keepdims=True)
        self.ctx = self.merge(self.att @ self.v)
        self.pooled = (self.ctx @ p["Wo"]).mean(axis=1)
        self.prob = 1 / (1 + np.exp(-self.pooled @ p["w"]))
        return -np.mean(y * np.log(self.prob) + (1 - y) * np.log(1 - self.prob))

    def backward(self):
        p, g = self.params, {}
        N, T, _ = self.x.shape
        d_logit = (self.prob - self.y) / N
        g["w"] = self.pooled.T @ d_logit
        d_pooled = np.outer(d_logit, p["w"])
        d_out = np.repeat(d_pooled[:, None, :], T, axis=1) / T
        g["Wo"] = np.einsum("nti,ntj->ij", self.ctx, d_out)
        d_head = self.split(d_out @ p["Wo"].T)
        d_v = self.att.swapaxes(-1, -2) @ d_head
        d_att = d_head @ self.v.swapaxes(-1, -2)
        d_s = self.att * (d_att - (d_att * self.att).sum(axis=-1, keepdims=True))
        d_q = d_s @ self.k * self.scale
        d_k = d_s.swapaxes(-1, -2) @ self.q * self.scale
        for name, d in (("Wq", d_q), ("Wk", d_k), ("Wv", d_v)):
            g[name] = np.einsum("nti,ntj->ij", self.x, self.merge(d))
        return g


def subject(rng):
    net = MultiHead(rng, 6)
    return net.forward, net.backward, (rng.normal(size=(5, 3, 6)), np.array([1.0, 0.0, 1.0, 1.0, 0.0]))


FAULTS = (
    [('d_head = self.split(d_out @ p["Wo"].T)', 'd_head = self.split(d_out @ p["Wo"])', "transpose")],
    [
        (
            "np.repeat(d_pooled[:, None, :], T, axis=1) / T",
            "np.repeat(d_pooled[:, None, :], T, axis=1)",
            "missing mean",
        ),
        ("d_v = self.att.swapaxes(-1, -2) @ d_head", "d_v = self.att @ d_head", "transpose"),
    ],
    [
        ("d_logit = (self.prob - self.y) / N", "d_logit = (self.y - self.prob) / N", "sign"),
        (
            "d_s = self.att * (d_att - (d_att * self.att).sum(axis=-1, keepdims=True))",
            "d_s = d_att",
            "missing derivative",
        ),
    ],
)
