"""Two graph convolutions with a normalised adjacency (not symmetric), labels on some nodes only."""

import numpy as np


def gcn_forward(A, X, labels, train, W0, W1):
    AX = A @ X
    Z = AX @ W0
    H = np.maximum(Z, 0)
    AH = A @ H
    logits = AH @ W1
    logits = logits - logits.max(axis=1, keepdims=True)
    P = np.exp(logits)
    P /= P.sum(axis=1, keepdims=True)
    loss = -np.log(P[train, labels[train]]).mean()
    return loss, AX, Z, AH, P


def gcn_backward(A, labels, train, W1, AX, Z, AH, P):
    dlogits = np.zeros_like(P)
    dlogits[train] = P[train]
    dlogits[train, labels[train]] -= 1
    dlogits /= len(train)
    dW1 = AH.T @ dlogits
    dAH = dlogits @ W1.T
    dH = A.T @ dAH
    dZ = dH * (Z > 0)
    dW0 = AX.T @ dZ
    return {"W0": dW0, "W1": dW1}


def subject(rng):
    A = rng.random((7, 7)) * (rng.random((7, 7)) < 0.5) + np.eye(7)
    A = A / A.sum(axis=1, keepdims=True)
    labels, train = rng.integers(0, 3, 7), np.array([0, 2, 3, 5, 6])
    return (
        gcn_forward,
        gcn_backward,
        (A, rng.normal(size=(7, 4)), labels, train, rng.normal(size=(4, 6)), rng.normal(size=(6, 3))),
    )


FAULTS = (
    [("dW1 = AH.T @ dlogits", "dW1 = AH.T @ np.clip(dlogits, -0.1, 0.1)", "clipped")],
    [("dH = A.T @ dAH", "dH = A @ dAH", "transpose")],
    [
        ("dlogits /= len(train)", "dlogits /= len(train) ** 2", "extra mean"),
        ("dZ = dH * (Z > 0)", "dZ = dH", "missing derivative"),
    ],
)
