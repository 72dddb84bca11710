"""Several quantiles at once by the pinball loss, from one ELU layer: a competition's notebook."""

import numpy as np

QUANTILES = np.array([0.1, 0.5, 0.8])


def elu(z):
    return np.where(z > 0, z, np.exp(z) - 1)


def fit_forward(X, y, W1, b1, W2, b2):
    Z = X @ W1 + b1
    A = elu(Z)
    P = A @ W2 + b2
    under = y[:, None] - P
    loss = np.maximum(QUANTILES * under, (QUANTILES - 1) * under).sum(axis=1).mean()
    return loss, Z, A, under


def fit_backward(X, Z, A, under, W2):
    n = X.shape[0]
    dP = np.where(under > 0, -QUANTILES, 1 - QUANTILES) / n
    dW2 = A.T @ dP
    db2 = dP.sum(axis=0)
    dA = dP @ W2.T
    dZ = dA * np.where(Z > 0, 1.0, A + 1)
    dW1 = X.T @ dZ
    db1 = dZ.sum(axis=0)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


def subject(rng):
    args = (rng.normal(size=(11, 4)), rng.normal(size=11))
    weights = (rng.normal(size=(4, 5)), rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=3))
    return fit_forward, fit_backward, (*args, *weights)


FAULTS = (
    [
        (
            "np.where(under > 0, -QUANTILES, 1 - QUANTILES) / n",
            "np.where(under > 0, QUANTILES, QUANTILES - 1) / n",
            "sign",
        )
    ],
    [("dZ = dA * np.where(Z > 0, 1.0, A + 1)", "dZ = dA * np.where(Z > 0, 1.0, A)", "wrong derivative")],
    [
        ("dZ = dA * np.where(Z > 0, 1.0, A + 1)", "dZ = dA", "missing derivative"),
        ("db2 = dP.sum(axis=0)", "db2 = dP.mean(axis=0)", "extra mean"),
    ],
)
