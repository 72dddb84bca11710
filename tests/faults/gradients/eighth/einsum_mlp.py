"""Everything as einsum: several small nets side by side (an ensemble), each with its own weights."""

import numpy as np


def forward(x, y, W1, W2, scale):
    z = np.einsum("nd,kdh->knh", x, W1)
    a = np.log1p(np.exp(z))
    out = np.einsum("knh,kho->kno", a, W2)
    mean = np.einsum("k,kno->no", scale, out)
    loss = np.einsum("no,no->", mean - y, mean - y) / y.shape[0]
    return loss, (z, a, out, mean)


def backward(x, y, W1, W2, scale, cache):
    z, a, out, mean = cache
    dmean = 2 * (mean - y) / y.shape[0]
    dscale = np.einsum("no,kno->k", dmean, out)
    dout = np.einsum("k,no->kno", scale, dmean)
    dW2 = np.einsum("knh,kno->kho", a, dout)
    da = np.einsum("kno,kho->knh", dout, W2)
    dz = da / (1 + np.exp(-z))
    dW1 = np.einsum("nd,knh->kdh", x, dz)
    return {"W1": dW1, "W2": dW2, "scale": dscale}


def subject(rng):
    x, y = rng.normal(size=(5, 6)), rng.normal(size=(5, 4))
    W1, W2 = rng.normal(size=(3, 6, 4)), rng.normal(size=(3, 4, 4))
    return forward, backward, (x, y, W1, W2, rng.normal(size=3))


FAULTS = (
    [('da = np.einsum("kno,kho->knh", dout, W2)', 'da = np.einsum("kno,koh->knh", dout, W2)', "transpose")],
    [("dz = da / (1 + np.exp(-z))", "dz = da / (1 + np.exp(-a))", "derivative at the output")],
    [
        ("dmean = 2 * (mean - y) / y.shape[0]", "dmean = 2 * (mean - y) / y.shape[0] ** 2", "extra mean"),
        ('dW2 = np.einsum("knh,kno->kho", a, dout)', 'dW2 = np.einsum("knh,kno->kho", z, dout)', "wrong value"),
    ],
    [
        ("dmean = 2 * (mean - y) / y.shape[0]", "dmean = (mean - y) / y.shape[0]", "factor"),
        ('np.einsum("kno,kho->knh", dout, W2)', 'np.einsum("kno,koh->knh", dout, W2)', "transpose"),
    ],
)
