"""Two affine layers with batch normalisation between, the input gradient in the compact form, multi-class hinge loss."""

import numpy as np

EPS = 1e-5


def bn_net_forward(X, y, W1, gamma, beta, W2, b2):
    z = X @ W1
    mu, var = z.mean(axis=0), z.var(axis=0)
    std = np.sqrt(var + EPS)
    zhat = (z - mu) / std
    act = np.maximum(0, gamma * zhat + beta)
    scores = act @ W2 + b2
    correct = scores[np.arange(len(X)), y]
    margins = np.maximum(0, scores - correct[:, None] + 1.0)
    margins[np.arange(len(X)), y] = 0
    loss = margins.sum() / len(X)
    return loss, (std, zhat, act, margins)


def bn_net_backward(X, y, gamma, W2, cache):
    std, zhat, act, margins = cache
    N = len(X)
    dscores = (margins > 0).astype(float)
    dscores[np.arange(N), y] -= dscores.sum(axis=1)
    dscores /= N
    dW2, db2 = act.T @ dscores, dscores.sum(axis=0)
    dact = dscores @ W2.T
    dout = dact * (act > 0)
    dgamma = np.sum(dout * zhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dzhat = dout * gamma
    dz = (N * dzhat - dzhat.sum(axis=0) - zhat * np.sum(dzhat * zhat, axis=0)) / (N * std)
    dW1 = X.T @ dz
    return {"W1": dW1, "gamma": dgamma, "beta": dbeta, "W2": dW2, "b2": db2}


def subject(rng):
    X, y = rng.normal(size=(7, 3)), rng.integers(0, 4, 7)
    gamma, beta = rng.normal(1, 0.2, 5), rng.normal(0.3, 0.2, 5)
    return (
        bn_net_forward,
        bn_net_backward,
        (X, y, rng.normal(size=(3, 5)), gamma, beta, rng.normal(size=(5, 4)), rng.normal(size=4)),
    )


FAULTS = (
    [("- zhat * np.sum(dzhat * zhat, axis=0)) / (N * std)", ") / (N * std)", "missing path")],
    [("dzhat = dout * gamma", "dzhat = dout", "missing derivative")],
    [
        ("dgamma = np.sum(dout * zhat, axis=0)", "dgamma = np.mean(dout * zhat, axis=0)", "extra mean"),
        ("dout = dact * (act > 0)", "dout = dact", "missing derivative"),
    ],
)
