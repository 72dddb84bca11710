"""Samples in columns, parameters and caches in dicts, as in a well-known course."""

import numpy as np


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def forward_propagation(X, Y, parameters):
    Z1 = np.dot(parameters["W1"], X) + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = np.dot(parameters["W2"], A1) + parameters["b2"]
    A2 = sigmoid(Z2)
    m = X.shape[1]
    logprobs = np.multiply(np.log(A2), Y) + np.multiply(np.log(1 - A2), 1 - Y)
    cost = -np.sum(logprobs) / m
    return float(np.squeeze(cost)), {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}


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
        "W1": rng.normal(size=(4, 3)),
        "b1": np.zeros((4, 1)),
        "W2": rng.normal(size=(1, 4)),
        "b2": np.zeros((1, 1)),
    }
    return (
        forward_propagation,
        backward_propagation,
        (rng.normal(size=(3, 9)), (rng.random((1, 9)) > 0.5) * 1.0, parameters),
    )


FAULTS = (
    [("dZ2 = A2 - Y", "dZ2 = Y - A2", "sign")],
    [("1 - np.power(A1, 2)", "1 - A1", "wrong derivative")],
    [("dW2 = (1 / m) * np.dot(dZ2, A1.T)", "dW2 = np.dot(dZ2, A1.T)", "missing mean")],
    [("db1 = (1 / m) * np.sum(dZ1, axis=1, keepdims=True)", "db1 = (1 / m) * dZ1", "not summed")],
    [("dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)", "output derivative twice")],
    [("1 - np.power(A1, 2)", '1 - np.power(cache["Z1"], 2)', "derivative at the input")],
    [
        ("dW1 = (1 / m) * np.dot(dZ1, X.T)", "dW1 = np.dot(dZ1, X.T)", "missing mean"),
        ("dZ2 = A2 - Y", "dZ2 = Y - A2", "sign"),
    ],
)
