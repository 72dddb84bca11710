"""A variational autoencoder on binary pixels; the noise is given, so that the loss is a function of the weights."""

import numpy as np


class VAE:
    def __init__(self, rng, pixels, hidden, latent):
        self.params = {
            "We": 0.5 * rng.normal(size=(pixels, hidden)),
            "be": rng.normal(size=hidden),
            "Wmu": 0.5 * rng.normal(size=(hidden, latent)),
            "Wlv": 0.5 * rng.normal(size=(hidden, latent)),
            "Wd": rng.normal(size=(latent, pixels)),
            "bd": rng.normal(size=pixels),
        }

    def elbo_loss(self, x, eps):
        p = self.params
        self.x, self.eps = x, eps
        self.a = x @ p["We"] + p["be"]
        self.h = np.maximum(self.a, 0)
        self.mu = self.h @ p["Wmu"]
        self.lv = self.h @ p["Wlv"]
        self.sd = np.exp(0.5 * self.lv)
        self.z = self.mu + self.sd * eps
        self.r = 1 / (1 + np.exp(-(self.z @ p["Wd"] + p["bd"])))
        bce = -np.sum(x * np.log(self.r) + (1 - x) * np.log(1 - self.r))
        kl = -0.5 * np.sum(1 + self.lv - self.mu**2 - np.exp(self.lv))
        return (bce + kl) / len(x)

    def backward(self):
        p, n = self.params, len(self.x)
        g = {}
        d_logits = (self.r - self.x) / n
        g["Wd"] = self.z.T @ d_logits
        g["bd"] = d_logits.sum(axis=0)
        dz = d_logits @ p["Wd"].T
        dmu = dz + self.mu / n
        dlv = dz * self.eps * 0.5 * self.sd + 0.5 * (np.exp(self.lv) - 1) / n
        g["Wmu"] = self.h.T @ dmu
        g["Wlv"] = self.h.T @ dlv
        dh = dmu @ p["Wmu"].T + dlv @ p["Wlv"].T
        da = dh * (self.a > 0)
        g["We"] = self.x.T @ da
        g["be"] = da.sum(axis=0)
        return g


def subject(rng):
    net = VAE(rng, 6, 5, 3)
    return net.elbo_loss, net.backward, ((rng.random((7, 6)) > 0.5) * 1.0, rng.normal(size=(7, 3)))


FAULTS = (
    [("dmu = dz + self.mu / n", "dmu = dz", "missing path")],
    [("dlv = dz * self.eps * 0.5 * self.sd", "dlv = dz * self.eps * self.sd", "factor")],
    [("0.5 * (np.exp(self.lv) - 1) / n", "0.5 * (1 - np.exp(self.lv)) / n", "sign")],
    [
        ("dmu = dz + self.mu / n", "dmu = dz + self.mu", "missing mean"),
        (
            "d_logits = (self.r - self.x) / n",
            "d_logits = (self.r - self.x) * self.r * (1 - self.r) / n",
            "output derivative twice",
        ),
    ],
)
