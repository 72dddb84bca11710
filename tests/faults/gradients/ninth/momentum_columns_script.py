"""Two layers with columns as samples, velocities as running means of gradients, the loop inside a function."""

import numpy as np


def relu(Z):
    return np.maximum(0, Z)


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def train(X, Y, n_hidden, learning_rate=0.2, beta=0.9, num_iterations=30):
    np.random.seed(6)
    n_x, m = X.shape
    W1 = np.random.randn(n_hidden, n_x)
    b1 = np.full((n_hidden, 1), 0.1)
    W2 = np.random.randn(1, n_hidden)
    b2 = np.zeros((1, 1))
    vW1, vb1 = np.zeros_like(W1), np.zeros_like(b1)
    vW2, vb2 = np.zeros_like(W2), np.zeros_like(b2)

    for i in range(num_iterations):
        Z1 = W1 @ X + b1
        A1 = relu(Z1)
        A2 = sigmoid(W2 @ A1 + b2)
        cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m

        dZ2 = A2 - Y
        dW2 = dZ2 @ A1.T / m
        db2 = np.sum(dZ2, axis=1, keepdims=True) / m
        vW2 = beta * vW2 + (1 - beta) * dW2
        vb2 = beta * vb2 + (1 - beta) * db2

        dZ1 = (W2.T @ dZ2) * (Z1 > 0)
        dW1 = dZ1 @ X.T / m
        db1 = np.sum(dZ1, axis=1, keepdims=True) / m
        vW1 = beta * vW1 + (1 - beta) * dW1
        vb1 = beta * vb1 + (1 - beta) * db1

        W1 = W1 - learning_rate * vW1
        b1 = b1 - learning_rate * vb1
        W2 = W2 - learning_rate * vW2
        b2 = b2 - learning_rate * vb2
        if i % 10 == 0:
            print(i, cost)
    return W1, b1, W2, b2


if __name__ == "__main__":
    rng = np.random.default_rng(2)
    features = rng.normal(size=(3, 7))
    labels = (features[:1] * features[1:2] > 0).astype(float)
    train(features, labels, 5)

FAULTS = (
    [("dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)", "output derivative twice")],
    [("db1 = np.sum(dZ1, axis=1, keepdims=True) / m", "db1 = dZ1 / m", "not summed")],
    [
        (
            "        vW2 = beta * vW2 + (1 - beta) * dW2\n        vb2 = beta * vb2 + (1 - beta) * db2\n",
            "        vW2 = beta * vW2 + (1 - beta) * dW2\n        vb2 = beta * vb2 + (1 - beta) * db2\n        W2 = W2 - learning_rate * vW2\n",
            "stale weights",
        ),
        (
            "        b1 = b1 - learning_rate * vb1\n        W2 = W2 - learning_rate * vW2\n",
            "        b1 = b1 - learning_rate * vb1\n",
        ),
    ],
    [
        ("dZ1 = (W2.T @ dZ2) * (Z1 > 0)", "dZ1 = W2.T @ dZ2", "missing derivative"),
        ("b2 = b2 - learning_rate * vb2", "b2 = b2 + learning_rate * vb2", "climbs"),
    ],
)
