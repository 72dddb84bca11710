"""Ridge regression with several targets, in index notation."""

import numpy as np


def ridge(A, B, M, alpha):
    R = np.einsum("nd,dk->nk", A, M) - B
    return np.einsum("nk,nk->", R, R) / A.shape[0] + alpha * np.einsum("dk,dk->", M, M)


def ridge_gradient(A, B, M, alpha):
    R = np.einsum("nd,dk->nk", A, M) - B
    G = 2 * np.einsum("nd,nk->dk", A, R) / A.shape[0]
    return G + 2 * alpha * M


def subject(rng):
    return (
        ridge,
        ridge_gradient,
        (rng.normal(size=(10, 4)), rng.normal(size=(10, 3)), rng.normal(size=(4, 3)), 0.37),
        {"wrt": ["M"]},
    )


FAULTS = (
    [("return G + 2 * alpha * M", "return G", "missing path")],
    [("return G + 2 * alpha * M", "return G + alpha * M", "factor")],
    [("return G + 2 * alpha * M", "return G - 2 * alpha * M", "sign")],
    [("R) / A.shape[0]\n    return G", "R)\n    return G", "missing mean")],
    [("return G + 2 * alpha * M", "return -(G + 2 * alpha * M)", "sign")],
)
