"""A class with elu and a mean absolute error, whose gradients are returned in order."""

import numpy as np


class Regressor:
    def __init__(self, rng):
        self.first = rng.normal(size=(3, 4))
        self.second = rng.normal(size=(4, 1))

    def forward(self, inputs, targets):
        self.inputs = inputs
        self.pre = inputs @ self.first
        self.hidden = np.where(self.pre > 0, self.pre, np.exp(self.pre) - 1)
        self.error = self.hidden @ self.second - targets
        return np.abs(self.error).mean()

    def backward(self):
        d_error = np.sign(self.error) / self.error.size
        d_second = self.hidden.T @ d_error
        d_hidden = d_error @ self.second.T
        d_pre = d_hidden * np.where(self.pre > 0, 1.0, np.exp(self.pre))
        d_first = self.inputs.T @ d_pre
        return d_first, d_second


def subject(rng):
    net = Regressor(rng)
    return net.forward, net.backward, (rng.normal(size=(9, 3)), 2 * rng.normal(size=(9, 1)))


FAULTS = (
    [("d_pre = d_hidden * np.where(self.pre > 0, 1.0, np.exp(self.pre))", "d_pre = d_hidden", "missing derivative")],
    [("1.0, np.exp(self.pre))", "1.0, self.hidden)", "wrong derivative")],
    [("1.0, np.exp(self.pre))", "1.0, np.exp(self.hidden))", "derivative at the output")],
    [("d_error = np.sign(self.error) / self.error.size", "d_error = np.sign(self.error)", "missing mean")],
    [("d_error = np.sign(self.error) / self.error.size", "d_error = -np.sign(self.error) / self.error.size", "sign")],
)
