"""Two moons; mini-batches of columns and gradient descent with momentum."""

import numpy as np

np.random.seed(2)


def load_moons(m):
    angle = np.pi * np.random.rand(m)
    Y = (np.arange(m) % 2).reshape(1, m)
    X = np.vstack([np.cos(angle), np.sin(angle)])
    X[:, Y[0] == 1] = np.array([[1.0], [0.5]]) - X[:, Y[0] == 1]
    return X + 0.1 * np.random.randn(2, m), Y


def initialize_parameters(n_x, n_h):
    return {
        "W1": np.random.randn(n_h, n_x),
        "b1": 0.1 * np.random.randn(n_h, 1),
        "W2": np.random.randn(1, n_h) * 0.5,
        "b2": np.zeros((1, 1)),
    }


def forward_propagation(X, parameters):
    Z1 = np.dot(parameters["W1"], X) + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = np.dot(parameters["W2"], A1) + parameters["b2"]
    A2 = 1 / (1 + np.exp(-Z2))
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2}


def compute_cost(A2, Y):
    m = Y.shape[1]
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m


def backward_propagation(parameters, cache, A2, X, Y):
    m = X.shape[1]
    A1 = cache["A1"]
    dZ2 = A2 - Y
    dW2 = np.dot(dZ2, A1.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = np.dot(parameters["W2"].T, dZ2)
    dZ1 = dA1 * (1 - np.power(A1, 2))
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


X, Y = load_moons(64)
parameters = initialize_parameters(2, 5)
velocity = {key: np.zeros(value.shape) for key, value in parameters.items()}
learning_rate, beta = 0.5, 0.8
costs = []

for epoch in range(8):
    permutation = np.random.permutation(X.shape[1])
    for k in range(0, X.shape[1], 16):
        batch = permutation[k : k + 16]
        mini_X, mini_Y = X[:, batch], Y[:, batch]
        A2, cache = forward_propagation(mini_X, parameters)
        cost = compute_cost(A2, mini_Y)
        grads = backward_propagation(parameters, cache, A2, mini_X, mini_Y)
        for key in parameters:
            velocity[key] = beta * velocity[key] + (1 - beta) * grads["d" + key]
            parameters[key] = parameters[key] - learning_rate * velocity[key]
        costs.append(cost)

print("cost of the last batch:", costs[-1])

FAULTS = (
    [("dZ1 = dA1 * (1 - np.power(A1, 2))", 'dZ1 = dA1 * (1 - np.power(cache["Z1"], 2))', "derivative at the input")],
    [("db1 = np.sum(dZ1, axis=1, keepdims=True) / m", "db1 = np.sum(dZ1, keepdims=True) / m", "wrong axis")],
    [("db1 = np.sum(dZ1, axis=1, keepdims=True) / m", "db1 = dZ1 / m", "not summed")],
    [("dZ2 = A2 - Y", "dZ2 = A2 - (2 * Y - 1)", "wrong target")],
    [
        ("dZ2 = A2 - Y", "dZ2 = (A2 - Y) / m", "extra mean"),
        ("dZ1 = dA1 * (1 - np.power(A1, 2))", "dZ1 = dA1", "missing derivative"),
    ],
)
