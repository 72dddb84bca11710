"""A small variational autoencoder with the noise given: reparametrization, squared error, KL divergence."""

import numpy as np


def encode(x, We, be, Wmu, Wlv):
    h = np.maximum(x @ We + be, 0)
    return h, h @ Wmu, h @ Wlv


def forward(x, eps, We, be, Wmu, Wlv, Wd, bd):
    h, mu, logvar = encode(x, We, be, Wmu, Wlv)
    std = np.exp(0.5 * logvar)
    z = mu + std * eps
    recon = z @ Wd + bd
    recon_loss = 0.5 * np.sum((recon - x) ** 2)
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
    loss = (recon_loss + kl) / len(x)
    return loss, h, mu, logvar, std, z, recon


def backward(x, eps, h, mu, logvar, std, z, recon, Wmu, Wlv, Wd):
    n = len(x)
    drecon = (recon - x) / n
    dWd = z.T @ drecon
    dbd = drecon.sum(0)
    dz = drecon @ Wd.T
    dmu = dz + mu / n
    dlogvar = dz * eps * std * 0.5 + 0.5 * (np.exp(logvar) - 1) / n
    dWmu = h.T @ dmu
    dWlv = h.T @ dlogvar
    dh = dmu @ Wmu.T + dlogvar @ Wlv.T
    dpre = dh * (h > 0)
    dWe = x.T @ dpre
    dbe = dpre.sum(0)
    return {"We": dWe, "be": dbe, "Wmu": dWmu, "Wlv": dWlv, "Wd": dWd, "bd": dbd}


def subject(rng):
    sizes = {"We": (5, 6), "be": (6,), "Wmu": (6, 3), "Wlv": (6, 3), "Wd": (3, 5), "bd": (5,)}
    weights = [0.5 * rng.normal(size=shape) for shape in sizes.values()]
    return forward, backward, (rng.normal(size=(7, 5)), rng.normal(size=(7, 3)), *weights)


FAULTS = (
    [("dlogvar = dz * eps * std * 0.5 + 0.5", "dlogvar = dz * eps * std + 0.5", "factor")],
    [
        (
            "dlogvar = dz * eps * std * 0.5 + 0.5 * (np.exp(logvar) - 1) / n",
            "dlogvar = 0.5 * (np.exp(logvar) - 1) / n",
            "missing path",
        )
    ],
    [("dmu = dz + mu / n", "dmu = dz + mu", "missing mean")],
    [
        ("dmu = dz + mu / n", "dmu = dz - mu / n", "sign"),
        ("dpre = dh * (h > 0)", "dpre = dh", "missing derivative"),
    ],
    [
        ("drecon = (recon - x) / n", "drecon = recon - x", "missing mean"),
        ("dlogvar = dz * eps * std * 0.5 + 0.5", "dlogvar = dz * eps * std + 0.5", "factor"),
    ],
)
