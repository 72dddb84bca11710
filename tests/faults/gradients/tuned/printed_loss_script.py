"""A script whose loss has no name: it stands in what is printed. Two layers, columns are samples, as in a course."""

import numpy as np

np.random.seed(1)
n_x, n_h, n_y, m = 3, 4, 1, 8
X = np.random.randn(n_x, m)
Y = (np.random.rand(1, m) > 0.5) * 1.0
W1 = np.random.randn(n_h, n_x) * 0.5
b1 = np.zeros((n_h, 1))
W2 = np.random.randn(n_y, n_h) * 0.5
b2 = np.zeros((n_y, 1))

for i in range(100):
    Z1 = np.dot(W1, X) + b1
    A1 = np.tanh(Z1)
    Z2 = np.dot(W2, A1) + b2
    A2 = 1 / (1 + np.exp(-Z2))
    if i % 10 == 0:
        print(f"after {i}: {-np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m:.4f}")
    dZ2 = A2 - Y
    dW2 = np.dot(dZ2, A1.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = np.dot(W2.T, dZ2) * (1 - np.power(A1, 2))
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    W1, b1, W2, b2 = W1 - 1.2 * dW1, b1 - 1.2 * db1, W2 - 1.2 * dW2, b2 - 1.2 * db2

FAULTS = (
    [("dW1 = np.dot(dZ1, X.T) / m", "dW1 = np.dot(dZ1, X.T)", "missing mean")],
    [("* (1 - np.power(A1, 2))", "* A1 * (1 - A1)", "wrong derivative")],
    [("db1 = np.sum(dZ1, axis=1", "db1 = np.sum(dZ1, axis=0", "wrong axis")],
)
