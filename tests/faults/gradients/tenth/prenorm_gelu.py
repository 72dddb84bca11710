"""A block of a transformer without its attention: layer norm, two dense layers with gelu, a skip connection."""

import numpy as np

C = np.sqrt(2 / np.pi)


def gelu(z):
    return 0.5 * z * (1 + np.tanh(C * (z + 0.044715 * z**3)))


def gelu_grad(z):
    t = np.tanh(C * (z + 0.044715 * z**3))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t**2) * C * (1 + 3 * 0.044715 * z**2)


def forward(x, y, gamma, beta, W1, b1, W2, b2):
    mu = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    xhat = (x - mu) / std
    n = gamma * xhat + beta
    z = n @ W1 + b1
    a = gelu(z)
    out = x + a @ W2 + b2
    loss = 0.5 * np.sum((out - y) ** 2) / len(x)
    return loss, out


def backward(out, y, xhat, std, gamma, n, z, a, W1, W2):
    dout = (out - y) / len(out)
    db2 = dout.sum(axis=0)
    dW2 = a.T @ dout
    dz = (dout @ W2.T) * gelu_grad(z)
    db1 = dz.sum(axis=0)
    dW1 = n.T @ dz
    dn = dz @ W1.T
    dgamma = np.sum(dn * xhat, axis=0)
    dbeta = np.sum(dn, axis=0)
    dxhat = dn * gamma
    centre = dxhat.mean(axis=-1, keepdims=True)
    along = xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)
    dx = dout + (dxhat - centre - along) / std
    return {"x": dx, "gamma": dgamma, "beta": dbeta, "W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


def subject(rng):
    x, y = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    norm = rng.normal(size=5), rng.normal(size=5)
    return (
        forward,
        backward,
        (x, y, *norm, rng.normal(size=(5, 6)), rng.normal(size=6), rng.normal(size=(6, 5)), rng.normal(size=5)),
    )


FAULTS = (
    [("dx = dout + (dxhat", "dx = (dxhat", "missing path")],
    [("centre = dxhat.mean(axis=-1, keepdims=True)", "centre = dxhat.mean(axis=0, keepdims=True)", "wrong axis")],
    [("* gelu_grad(z)", "* gelu_grad(a)", "derivative at the output")],
    [("dgamma = np.sum(dn * xhat, axis=0)", "dgamma = np.sum(dn * n, axis=0)", "wrong value")],
    [
        ("dxhat = dn * gamma", "dxhat = dn", "missing derivative"),
        ("dout = (out - y) / len(out)", "dout = out - y", "missing mean"),
    ],
)
