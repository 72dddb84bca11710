"""A variational autoencoder with given noise, sums of two losses, and the gradients kept in attributes."""

import numpy as np


class VAE:
    def __init__(self, rng):
        self.We = rng.normal(size=(5, 4))
        self.Wm = rng.normal(size=(4, 2))
        self.Wv = 0.3 * rng.normal(size=(4, 2))
        self.Wd = rng.normal(size=(2, 5))
        self.bd = rng.normal(size=5)
        self.beta = 0.7

    def forward(self, x, noise):
        self.x, self.noise = x, noise
        self.h = np.tanh(x.dot(self.We))
        self.mean = self.h.dot(self.Wm)
        self.logvar = self.h.dot(self.Wv)
        self.std = np.exp(0.5 * self.logvar)
        self.z = self.mean + self.std * noise
        self.recon = self.z.dot(self.Wd) + self.bd
        reconstruction = 0.5 * np.sum((self.recon - x) ** 2)
        kl = -0.5 * np.sum(1 + self.logvar - self.mean**2 - np.exp(self.logvar))
        return (reconstruction + self.beta * kl) / x.shape[0]

    def backward(self):
        n = self.x.shape[0]
        drecon = (self.recon - self.x) / n
        self.grad_Wd = self.z.T.dot(drecon)
        self.grad_bd = drecon.sum(axis=0)
        dz = drecon.dot(self.Wd.T)
        dmean = dz + self.beta * self.mean / n
        dlogvar = dz * self.noise * 0.5 * self.std + self.beta * 0.5 * (np.exp(self.logvar) - 1) / n
        self.grad_Wm = self.h.T.dot(dmean)
        self.grad_Wv = self.h.T.dot(dlogvar)
        dh = dmean.dot(self.Wm.T) + dlogvar.dot(self.Wv.T)
        self.grad_We = self.x.T.dot(dh * (1 - self.h**2))


def subject(rng):
    net = VAE(rng)
    return net.forward, net.backward, (rng.normal(size=(6, 5)), rng.normal(size=(6, 2)))


FAULTS = (
    [("dmean = dz + self.beta * self.mean / n", "dmean = dz", "missing path")],
    [("dmean = dz + self.beta * self.mean / n", "dmean = dz + self.mean / n", "factor")],
    [("dmean = dz + self.beta * self.mean / n", "dmean = dz + self.beta * self.mean", "missing mean")],
    [("dz * self.noise * 0.5 * self.std +", "dz * self.noise * self.std +", "factor")],
    [("dz * self.noise * 0.5 * self.std +", "dz * 0.5 * self.std +", "missing derivative")],
    [("(np.exp(self.logvar) - 1) / n", "(1 - np.exp(self.logvar)) / n", "sign")],
    [("dh = dmean.dot(self.Wm.T) + dlogvar.dot(self.Wv.T)", "dh = dmean.dot(self.Wm.T)", "missing path")],
    [
        ("(1 - self.h**2)", "(1 - self.x.dot(self.We) ** 2)", "derivative at the input"),
        ("self.grad_bd = drecon.sum(axis=0)", "self.grad_bd = drecon", "not summed"),
    ],
)
