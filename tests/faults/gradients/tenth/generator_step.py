"""The generator of a GAN: its loss goes through a judge whose weights stand still."""

import numpy as np


def leaky(t):
    return np.where(t > 0, t, 0.2 * t)


def leaky_slope(t):
    return np.where(t > 0, 1, 0.2)


class Generator:
    def __init__(self, rng, noise=3, width=5, out=5):
        self.W1, self.b1 = rng.normal(size=(noise, width)), rng.normal(size=width)
        self.W2, self.b2 = rng.normal(size=(width, out)), rng.normal(size=out)
        judge = np.random.default_rng(11)
        self.judge_in = judge.normal(size=(out, 4))
        self.judge_out = judge.normal(size=(4, 1))

    def loss(self, z):
        self.hidden = np.tanh(z @ self.W1 + self.b1)
        self.fake = np.tanh(self.hidden @ self.W2 + self.b2)
        self.s = self.fake @ self.judge_in
        self.logit = leaky(self.s) @ self.judge_out
        return np.mean(np.log(1 + np.exp(-self.logit)))

    def backward(self, z):
        dlogit = -1 / (1 + np.exp(self.logit)) / len(z)
        ds = (dlogit @ self.judge_out.T) * leaky_slope(self.s)
        dfake = ds @ self.judge_in.T
        dpre = dfake * (1 - self.fake**2)
        self.dW2 = self.hidden.T @ dpre
        self.db2 = dpre.sum(axis=0)
        dhidden = dpre @ self.W2.T
        dpre1 = dhidden * (1 - self.hidden**2)
        self.dW1 = z.T @ dpre1
        self.db1 = dpre1.sum(axis=0)


def subject(rng):
    generator = Generator(rng)
    return generator.loss, generator.backward, (rng.normal(size=(6, 3)),)


FAULTS = (
    [("dhidden = dpre @ self.W2.T", "dhidden = dpre @ self.W2", "transpose")],
    [("(dlogit @ self.judge_out.T) * leaky_slope(self.s)", "dlogit @ self.judge_out.T", "missing derivative")],
    [("dlogit = -1 / (1", "dlogit = 1 / (1", "sign")],
    [("* leaky_slope(self.s)", "* (self.s > 0)", "wrong derivative")],
    [
        ("dpre = dfake * (1 - self.fake**2)", "dpre = dfake", "missing derivative"),
        ("self.db1 = dpre1.sum(axis=0)", "self.db1 = dpre1.mean(axis=0)", "extra mean"),
    ],
)
