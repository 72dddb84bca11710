"""Planar data classification as in the well-known course: samples in columns, caches and parameters in dictionaries."""

import numpy as np


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def forward_propagation(X, Y, parameters):
    W1, b1 = parameters["W1"], parameters["b1"]
    W2, b2 = parameters["W2"], parameters["b2"]
    m = Y.shape[1]
    Z1 = np.dot(W1, X) + b1
    A1 = np.tanh(Z1)
    Z2 = np.dot(W2, A1) + b2
    A2 = sigmoid(Z2)
    logprobs = np.multiply(np.log(A2), Y) + np.multiply(np.log(1 - A2), 1 - Y)
    cost = -np.sum(logprobs) / m
    cache = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
    return cost, cache


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    W2 = parameters["W2"]
    A1 = cache["A1"]
    A2 = cache["A2"]

    dZ2 = A2 - Y
    dW2 = (1 / m) * np.dot(dZ2, A1.T)
    db2 = (1 / m) * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = np.multiply(np.dot(W2.T, dZ2), 1 - np.power(A1, 2))
    dW1 = (1 / m) * np.dot(dZ1, X.T)
    db1 = (1 / m) * np.sum(dZ1, axis=1, keepdims=True)
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def subject(rng):
    parameters = {
        "W1": rng.normal(size=(4, 2)),
        "b1": rng.normal(size=(4, 1)),
        "W2": rng.normal(size=(1, 4)),
        "b2": rng.normal(size=(1, 1)),
    }
    X, Y = rng.normal(size=(2, 7)), rng.integers(0, 2, (1, 7)).astype(float)
    return forward_propagation, backward_propagation, (X, Y, parameters)


FAULTS = (
    [("1 - np.power(A1, 2)", "1 - np.power(np.tanh(A1), 2)", "derivative at the output")],
    [("dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)", "output derivative twice")],
    [
        ("dZ2 = A2 - Y", "dZ2 = Y - A2", "sign"),
        (
            "db1 = (1 / m) * np.sum(dZ1, axis=1, keepdims=True)",
            "db1 = np.sum(dZ1, axis=1, keepdims=True)",
            "missing mean",
        ),
    ],
    [
        ("1 - np.power(A1, 2)", "1 - np.power(np.tanh(A1), 2)", "derivative at the output"),
        (
            "db1 = (1 / m) * np.sum(dZ1, axis=1, keepdims=True)",
            "db1 = (1 / m) * np.sum(dZ1, axis=0, keepdims=True)",
            "wrong axis",
        ),
    ],
)
