"""Minibatches, a learning rate that decays, and weight decay in the loss: a script of moderate length."""

import numpy as np

rng = np.random.default_rng(21)
X_all = rng.normal(size=(21, 4))
Y_all = np.stack([np.tanh(X_all[:, 0] - X_all[:, 1]), X_all[:, 2] ** 2], axis=1)

W1 = rng.normal(size=(4, 5)) / 2
b1 = np.zeros((1, 5))
W2 = rng.normal(size=(5, 2)) / np.sqrt(5)
b2 = np.zeros((1, 2))
lr0, decay, wd, batch_size = 0.3, 0.02, 0.05, 7

for epoch in range(10):
    lr = lr0 / (1 + decay * epoch)
    order = rng.permutation(len(X_all))
    for start in range(0, len(X_all), batch_size):
        idx = order[start : start + batch_size]
        X, Y = X_all[idx], Y_all[idx]
        Z = X @ W1 + b1
        H = np.maximum(Z, 0)
        out = H @ W2 + b2
        loss = np.sum((out - Y) ** 2) / batch_size + 0.5 * wd * (np.sum(W1**2) + np.sum(W2**2))

        delta = 2 * (out - Y) / batch_size
        dW2 = H.T @ delta + wd * W2
        db2 = np.sum(delta, axis=0, keepdims=True)
        dZ = (delta @ W2.T) * (Z > 0)
        dW1 = X.T @ dZ + wd * W1
        db1 = np.sum(dZ, axis=0, keepdims=True)

        W1 -= lr * dW1
        b1 -= lr * db1
        W2 -= lr * dW2
        b2 -= lr * db2
    print(f"epoch {epoch} loss {loss:.4f}")

FAULTS = (
    [
        ("        dZ = (delta @ W2.T)", "        W2 -= lr * dW2\n        dZ = (delta @ W2.T)", "stale weights"),
        ("        W2 -= lr * dW2\n        b2", "        b2"),
    ],
    [("delta = 2 * (out - Y) / batch_size", "delta = 2 * (out - Y) / X_all.shape[0]", "factor")],
    [("dW1 = X.T @ dZ + wd * W1", "dW1 = X.T @ dZ + wd * np.sign(W1)", "wrong derivative")],
    [
        ("b1 -= lr * db1", "b1 += lr * db1", "climbs"),
        ("db2 = np.sum(delta, axis=0, keepdims=True)", "db2 = np.mean(delta, axis=0, keepdims=True)", "extra mean"),
    ],
)
