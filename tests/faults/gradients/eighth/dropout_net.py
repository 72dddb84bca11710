"""Inverted dropout with a fixed mask between two ReLU layers; the keep probability is 0.7."""

import numpy as np


def model_forward(X, Y, params, mask1, mask2, keep_prob=0.7):
    Z1 = X @ params["W1"] + params["b1"]
    A1 = np.maximum(Z1, 0)
    D1 = A1 * mask1 / keep_prob
    Z2 = D1 @ params["W2"] + params["b2"]
    A2 = np.maximum(Z2, 0)
    D2 = A2 * mask2 / keep_prob
    Z3 = D2 @ params["W3"] + params["b3"]
    cost = np.mean(np.log(1 + np.exp(Z3)) - Y * Z3)
    cache = (Z1, D1, Z2, D2, Z3)
    return cost, cache


def model_backward(X, Y, params, mask1, mask2, cache, keep_prob=0.7):
    Z1, D1, Z2, D2, Z3 = cache
    m = X.shape[0]
    dZ3 = (1 / (1 + np.exp(-Z3)) - Y) / m
    gradients = {"dW3": D2.T @ dZ3, "db3": np.sum(dZ3, axis=0)}
    dA2 = (dZ3 @ params["W3"].T) * mask2 / keep_prob
    dZ2 = dA2 * (Z2 > 0)
    gradients["dW2"] = D1.T @ dZ2
    gradients["db2"] = np.sum(dZ2, axis=0)
    dA1 = (dZ2 @ params["W2"].T) * mask1 / keep_prob
    dZ1 = dA1 * (Z1 > 0)
    gradients["dW1"] = X.T @ dZ1
    gradients["db1"] = np.sum(dZ1, axis=0)
    return gradients


def subject(rng):
    params = {"W1": rng.normal(size=(3, 5)), "b1": rng.normal(size=5)}
    params |= {"W2": rng.normal(size=(5, 4)), "b2": rng.normal(size=4)}
    params |= {"W3": rng.normal(size=(4, 1)), "b3": rng.normal(size=1)}
    mask1, mask2 = (rng.random((9, 5)) < 0.7) * 1.0, (rng.random((9, 4)) < 0.7) * 1.0
    X, Y = rng.normal(size=(9, 3)), rng.integers(0, 2, (9, 1)) * 1.0
    return model_forward, model_backward, (X, Y, params, mask1, mask2)


FAULTS = (
    [("* mask2 / keep_prob\n    dZ2", "* mask2\n    dZ2", "factor")],
    [('(dZ2 @ params["W2"].T) * mask1 / keep_prob', '(dZ2 @ params["W2"].T) / keep_prob', "missing derivative")],
    [("dZ1 = dA1 * (Z1 > 0)", "dZ1 = dA1 * (dA1 > 0)", "wrong derivative")],
    [
        ('"db3": np.sum(dZ3, axis=0)', '"db3": dZ3', "not summed"),
        ("dZ2 = dA2 * (Z2 > 0)", "dZ2 = dA2", "missing derivative"),
    ],
)
