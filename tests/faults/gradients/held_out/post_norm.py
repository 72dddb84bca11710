"""A feed-forward block with a residual and a layer norm behind it, functions with a cache for each part."""

import numpy as np


def layer_norm(x, gain, shift, eps=1e-5):
    mu = x.mean(-1, keepdims=True)
    var = ((x - mu) ** 2).mean(-1, keepdims=True)
    inv = 1 / np.sqrt(var + eps)
    normed = (x - mu) * inv
    return gain * normed + shift, (normed, inv, gain)


def layer_norm_backward(dy, cache):
    normed, inv, gain = cache
    dgain = (dy * normed).reshape(-1, dy.shape[-1]).sum(axis=0)
    dshift = dy.reshape(-1, dy.shape[-1]).sum(axis=0)
    dn = dy * gain
    dx = inv * (dn - dn.mean(-1, keepdims=True) - normed * (dn * normed).mean(-1, keepdims=True))
    return dx, dgain, dshift


def block(x, target, W1, b1, W2, b2, gain, shift):
    pre = x @ W1 + b1
    hidden = np.maximum(pre, 0)
    summed = x + hidden @ W2 + b2
    y, norm_cache = layer_norm(summed, gain, shift)
    loss = 0.5 * ((y - target) ** 2).sum(axis=-1).mean()
    return loss, (pre, hidden, y, norm_cache)


def block_backward(x, target, W1, b1, W2, b2, gain, shift, cache):
    pre, hidden, y, norm_cache = cache
    dy = (y - target) / (y.shape[0] * y.shape[1])
    dsum, dgain, dshift = layer_norm_backward(dy, norm_cache)
    dhidden = dsum @ W2.T
    dW2 = np.einsum("bth,btd->hd", hidden, dsum)
    db2 = dsum.sum(axis=(0, 1))
    dpre = dhidden * (pre > 0)
    dW1 = np.einsum("btd,bth->dh", x, dpre)
    db1 = dpre.sum(axis=(0, 1))
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2, "gain": dgain, "shift": dshift, "x": dsum + dpre @ W1.T}


def subject(rng):
    shapes = [(2, 3, 4), (2, 3, 4), (4, 5), (5,), (5, 4), (4,), (4,), (4,)]
    return block, block_backward, tuple(rng.normal(size=shape) for shape in shapes)


FAULTS = (
    [(" - dn.mean(-1, keepdims=True) - normed", " - normed", "missing path")],
    [("dn = dy * gain", "dn = dy", "missing derivative")],
    [("dx = inv * (dn", "dx = (dn", "missing derivative")],
    [("(y.shape[0] * y.shape[1])", "y.shape[0]", "missing mean")],
    [("dpre = dhidden * (pre > 0)", "dpre = dhidden", "missing derivative")],
    [('"x": dsum + dpre @ W1.T', '"x": dpre @ W1.T', "missing path")],
    [("db2 = dsum.sum(axis=(0, 1))", "db2 = dsum.mean(axis=(0, 1))", "extra mean")],
    [
        ("dgain = (dy * normed)", "dgain = -(dy * normed)", "sign"),
        ("dn = dy * gain", "dn = dy", "missing derivative"),
    ],
)
