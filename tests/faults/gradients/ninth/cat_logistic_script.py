"""Logistic regression as in the first week of a well-known course: columns are samples, propagate and optimize."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


np.random.seed(3)
X = np.random.randn(4, 7)
Y = (np.random.rand(1, 7) > 0.5) * 1.0
m = X.shape[1]

w = np.random.randn(4, 1) * 0.3
b = 0.0
learning_rate = 0.3
costs = []

for i in range(80):
    # forward propagation
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))

    # backward propagation
    dZ = A - Y
    dw = 1 / m * np.dot(X, dZ.T)
    db = 1 / m * np.sum(dZ)

    w = w - learning_rate * dw
    b = b - learning_rate * db
    if i % 20 == 0:
        costs.append(cost)
        print(f"Cost after iteration {i}: {cost:f}")

FAULTS = (
    [("dw = 1 / m * np.dot(X, dZ.T)", "dw = np.dot(X, dZ.T)", "missing mean")],
    [("dZ = A - Y", "dZ = (A - Y) * A * (1 - A)", "output derivative twice")],
    [("w = w - learning_rate * dw", "w = w + learning_rate * dw", "climbs")],
    [("dZ = A - Y", "dZ = Y - A", "sign"), ("db = 1 / m * np.sum(dZ)", "db = np.sum(dZ)", "missing mean")],
)
