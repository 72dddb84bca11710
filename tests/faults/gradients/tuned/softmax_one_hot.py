"""A hidden layer of relu under softmax, with labels as rows of zeros and a one."""

import numpy as np


def relu(z):
    return np.maximum(0, z)


def softmax(z):
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def forward(X, Y, params):
    Z1 = X @ params["W1"] + params["b1"]
    A1 = relu(Z1)
    Z2 = A1 @ params["W2"] + params["b2"]
    P = softmax(Z2)
    loss = -np.sum(Y * np.log(P + 1e-12)) / X.shape[0]
    return loss, {"Z1": Z1, "A1": A1, "P": P}


def backward(X, Y, params, cache):
    m = X.shape[0]
    dZ2 = (cache["P"] - Y) / m
    dW2 = cache["A1"].T @ dZ2
    db2 = np.sum(dZ2, axis=0, keepdims=True)
    dA1 = dZ2 @ params["W2"].T
    dZ1 = dA1 * (cache["Z1"] > 0)
    dW1 = X.T @ dZ1
    db1 = np.sum(dZ1, axis=0, keepdims=True)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


def subject(rng):
    params = {
        "W1": rng.normal(size=(4, 6)),
        "b1": rng.normal(size=(1, 6)),
        "W2": rng.normal(size=(6, 3)),
        "b2": rng.normal(size=(1, 3)),
    }
    return forward, backward, (rng.normal(size=(9, 4)), np.eye(3)[rng.integers(0, 3, 9)], params)


FAULTS = (
    [('dZ1 = dA1 * (cache["Z1"] > 0)', "dZ1 = dA1", "missing derivative")],
    [
        (
            'dZ2 = (cache["P"] - Y) / m',
            'dZ2 = (cache["P"] - Y) * cache["P"] * (1 - cache["P"]) / m',
            "output derivative twice",
        )
    ],
    [('dZ2 = (cache["P"] - Y) / m', 'dZ2 = (cache["P"] - np.roll(Y, 1, axis=1)) / m', "wrong target")],
    [('dZ2 = (cache["P"] - Y) / m', 'dZ2 = cache["P"] - Y', "missing mean")],
    [("db1 = np.sum(dZ1, axis=0, keepdims=True)", "db1 = np.sum(dA1, axis=0, keepdims=True)", "missing derivative")],
    [("dW1 = X.T @ dZ1", "dW1 = X.T @ dZ1 / m", "extra mean")],
    [
        ('dZ2 = (cache["P"] - Y) / m', 'dZ2 = (Y - cache["P"]) / m', "sign"),
        ('dZ1 = dA1 * (cache["Z1"] > 0)', "dZ1 = dA1", "missing derivative"),
    ],
)
