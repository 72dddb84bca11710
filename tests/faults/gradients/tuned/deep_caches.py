"""A deep net in the manner of a course: caches of each layer, samples as columns, activations by name."""

import numpy as np


def linear_forward(A, W, b):
    Z = np.dot(W, A) + b
    return Z, (A, W, b)


def activation_forward(A_prev, W, b, activation):
    Z, linear_cache = linear_forward(A_prev, W, b)
    A = 1 / (1 + np.exp(-Z)) if activation == "sigmoid" else np.maximum(0, Z)
    return A, (linear_cache, Z)


def model_forward(X, Y, parameters):
    caches = []
    A = X
    L = len(parameters) // 2
    for layer in range(1, L + 1):
        kind = "sigmoid" if layer == L else "relu"
        A, cache = activation_forward(A, parameters[f"W{layer}"], parameters[f"b{layer}"], kind)
        caches.append(cache)
    m = Y.shape[1]
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    return np.squeeze(cost), A, caches


def linear_backward(dZ, cache):
    A_prev, W, _ = cache
    m = A_prev.shape[1]
    dW = 1 / m * np.dot(dZ, A_prev.T)
    db = 1 / m * np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db


def relu_backward(dA, Z):
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] = 0
    return dZ


def sigmoid_backward(dA, Z):
    s = 1 / (1 + np.exp(-Z))
    return dA * s * (1 - s)


def model_backward(AL, Y, caches):
    grads = {}
    L = len(caches)
    dA = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    for layer in reversed(range(L)):
        linear_cache, Z = caches[layer]
        back = sigmoid_backward if layer == L - 1 else relu_backward
        dA, dW, db = linear_backward(back(dA, Z), linear_cache)
        grads[f"dW{layer + 1}"] = dW
        grads[f"db{layer + 1}"] = db
    return grads


def subject(rng):
    sizes = [4, 5, 3, 1]
    parameters = {}
    for layer in range(1, 4):
        parameters[f"W{layer}"] = rng.normal(size=(sizes[layer], sizes[layer - 1]))
        parameters[f"b{layer}"] = 0.1 * rng.normal(size=(sizes[layer], 1))
    X, Y = rng.normal(size=(4, 8)), rng.integers(0, 2, (1, 8)).astype(float)

    def backward(A, Y, caches):
        return model_backward(A, Y, caches)

    return model_forward, backward, (X, Y, parameters)


FAULTS = (
    [
        (
            "dA = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))",
            "dA = np.divide(Y, AL) - np.divide(1 - Y, 1 - AL)",
            "sign",
        )
    ],
    [("dA = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))", "dA = -np.divide(Y, AL)", "missing path")],
    [("return dA * s * (1 - s)", "return dA", "missing derivative")],
    [("return dA * s * (1 - s)", "return dA * s", "wrong derivative")],
    [("    dZ[Z <= 0] = 0\n", "", "missing derivative")],
    [("db = 1 / m * np.sum(dZ, axis=1, keepdims=True)", "db = np.sum(dZ, axis=1, keepdims=True)", "missing mean")],
    [("db = 1 / m * np.sum(dZ, axis=1, keepdims=True)", "db = 1 / m * np.sum(dZ)", "wrong axis")],
    [
        ("dW = 1 / m * np.dot(dZ, A_prev.T)", "dW = np.dot(dZ, A_prev.T)", "missing mean"),
        ("return dA * s * (1 - s)", "return dA * Z * (1 - Z)", "derivative at the input"),
    ],
)
