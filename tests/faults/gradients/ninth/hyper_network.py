"""A small network writes the weights of another, sample by sample; the context goes in, a matrix comes out."""

import numpy as np


class HyperNet:
    def __init__(self, rng, n_context, n_code, n_in, n_out):
        self.shape = (n_in, n_out)
        self.A = rng.normal(size=(n_context, n_code))
        self.a = rng.normal(size=n_code)
        self.B = 0.5 * rng.normal(size=(n_code, n_in * n_out))

    def forward(self, context, x, y):
        self.context, self.x, self.y = context, x, y
        self.code = np.tanh(context @ self.A + self.a)
        self.kernel = (self.code @ self.B).reshape(len(x), *self.shape)
        self.pred = np.einsum("ni,nio->no", x, self.kernel)
        return np.mean((self.pred - y) ** 2)

    def backward(self):
        d_pred = 2 * (self.pred - self.y) / self.pred.size
        d_kernel = np.einsum("ni,no->nio", self.x, d_pred)
        d_flat = d_kernel.reshape(len(self.x), -1)
        dB = self.code.T @ d_flat
        d_code = d_flat @ self.B.T
        d_pre = d_code * (1 - self.code**2)
        dA = self.context.T @ d_pre
        da = d_pre.sum(axis=0)
        return {"A": dA, "a": da, "B": dB}


def subject(rng):
    net = HyperNet(rng, 3, 5, 4, 2)
    return net.forward, net.backward, (rng.normal(size=(7, 3)), rng.normal(size=(7, 4)), rng.normal(size=(7, 2)))


FAULTS = (
    [
        (
            "d_pred = 2 * (self.pred - self.y) / self.pred.size",
            "d_pred = 2 * (self.pred - self.y) * (1 - self.pred**2) / self.pred.size",
            "extra derivative",
        )
    ],
    [("d_pre = d_code * (1 - self.code**2)", "d_pre = d_code", "missing derivative")],
    [
        (
            "d_pred = 2 * (self.pred - self.y) / self.pred.size",
            "d_pred = 2 * (self.y - self.pred) / self.pred.size",
            "sign",
        ),
        ("da = d_pre.sum(axis=0)", "da = d_pre", "not summed"),
    ],
)
