"""A net in the functions of a course: parameters by name in a dict, caches in tuples, a cost that is squeezed."""

import copy

import numpy as np


def initialize(dims):
    np.random.seed(3)
    parameters = {}
    for l in range(1, len(dims)):
        parameters["W" + str(l)] = np.random.randn(dims[l], dims[l - 1]) * np.sqrt(2.0 / dims[l - 1])
        parameters["b" + str(l)] = np.zeros((dims[l], 1))
    return parameters


def model_forward(X, parameters):
    caches, A = [], X
    L = len(parameters) // 2
    for l in range(1, L + 1):
        W, b = parameters["W" + str(l)], parameters["b" + str(l)]
        Z = W @ A + b
        caches.append((A, W, Z))
        A = np.maximum(0, Z) if l < L else 1 / (1 + np.exp(-Z))
    return A, caches


def compute_cost(AL, Y):
    m = Y.shape[1]
    cost = -(1.0 / m) * np.sum(np.multiply(Y, np.log(AL)) + np.multiply(1 - Y, np.log(1 - AL)))
    return np.squeeze(cost)


def model_backward(AL, Y, caches):
    grads, m = {}, Y.shape[1]
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    dA, dZ = dAL, dAL * AL * (1 - AL)
    for l in reversed(range(len(caches))):
        A_prev, W, Z = caches[l]
        if l < len(caches) - 1:
            dZ = np.array(dA, copy=True)
            dZ[Z <= 0] = 0
        grads["dW" + str(l + 1)] = 1.0 / m * dZ @ A_prev.T
        grads["db" + str(l + 1)] = 1.0 / m * np.sum(dZ, axis=1, keepdims=True)
        dA = W.T @ dZ
    return grads


def update_parameters(params, grads, learning_rate):
    parameters = copy.deepcopy(params)
    for l in range(len(parameters) // 2):
        parameters["W" + str(l + 1)] = parameters["W" + str(l + 1)] - learning_rate * grads["dW" + str(l + 1)]
        parameters["b" + str(l + 1)] = parameters["b" + str(l + 1)] - learning_rate * grads["db" + str(l + 1)]
    return parameters


def model(X, Y, dims, learning_rate=0.0075, num_iterations=50):
    costs = []
    parameters = initialize(dims)
    for i in range(num_iterations):
        AL, caches = model_forward(X, parameters)
        cost = compute_cost(AL, Y)
        grads = model_backward(AL, Y, caches)
        parameters = update_parameters(parameters, grads, learning_rate)
        if i % 10 == 0:
            costs.append(cost)
    return parameters, costs


rng = np.random.default_rng(2)
X = rng.normal(size=(4, 9))
Y = (X[:1] * X[1:2] > 0).astype(int)
parameters, costs = model(X, Y, [4, 5, 3, 1])

FAULTS = (
    [("            dZ[Z <= 0] = 0\n", "", "missing derivative")],
    [("1.0 / m * np.sum(dZ, axis=1, keepdims=True)", "np.sum(dZ, axis=1, keepdims=True)", "missing mean")],
    [
        (
            "dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))",
            "dAL = np.divide(Y, AL) - np.divide(1 - Y, 1 - AL)",
            "sign",
        )
    ],
    [('["b" + str(l + 1)] - learning_rate', '["b" + str(l + 1)] + learning_rate', "climbs")],
)
