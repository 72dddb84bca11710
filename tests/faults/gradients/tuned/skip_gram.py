"""Word vectors by skip-gram with negative samples."""

import numpy as np


def sigma(s):
    return 1 / (1 + np.exp(-s))


def skip_gram(center, context, negatives, V, U):
    v = V[center]
    good = np.sum(v * U[context], axis=1)
    bad = np.einsum("nd,nkd->nk", v, U[negatives])
    return -np.mean(np.log(sigma(good)) + np.log(sigma(-bad)).sum(axis=1))


def skip_gram_grad(center, context, negatives, V, U):
    n = len(center)
    v, u, w = V[center], U[context], U[negatives]
    g_good = (sigma(np.sum(v * u, axis=1)) - 1) / n
    g_bad = sigma(np.einsum("nd,nkd->nk", v, w)) / n
    gV, gU = np.zeros_like(V), np.zeros_like(U)
    np.add.at(gV, center, g_good[:, None] * u + np.einsum("nk,nkd->nd", g_bad, w))
    np.add.at(gU, context, g_good[:, None] * v)
    np.add.at(gU, negatives, g_bad[:, :, None] * v[:, None, :])
    return {"V": gV, "U": gU}


def subject(rng):
    return (
        skip_gram,
        skip_gram_grad,
        (
            rng.integers(0, 7, 5),
            rng.integers(0, 7, 5),
            rng.integers(0, 7, (5, 3)),
            rng.normal(size=(7, 4)),
            rng.normal(size=(7, 4)),
        ),
    )


FAULTS = (
    [("g_good = (sigma(np.sum(v * u, axis=1)) - 1) / n", "g_good = (1 - sigma(np.sum(v * u, axis=1))) / n", "sign")],
    [("v, w)) / n", "v, w))", "missing mean")],
    [("np.add.at(gU, context, g_good[:, None] * v)", "np.add.at(gU, context, g_good[:, None] * u)", "wrong value")],
)
