"""A whole training script: softmax on three clouds of points."""

import numpy as np

rng = np.random.default_rng(1)
X = np.concatenate([rng.normal(size=(6, 2)) + shift for shift in ([0, 3], [3, 0], [-3, -1])])
labels = np.repeat(np.arange(3), 6)
Y = np.eye(3)[labels]
W1 = rng.normal(size=(2, 8)) * 0.5
b1 = np.zeros((1, 8))
W2 = rng.normal(size=(8, 3)) * 0.5
b2 = np.zeros((1, 3))
learning_rate = 0.1

for epoch in range(200):
    H = np.maximum(0, X @ W1 + b1)
    scores = H @ W2 + b2
    E = np.exp(scores - scores.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    loss = -np.sum(Y * np.log(P)) / len(X)
    dscores = (P - Y) / len(X)
    dW2 = H.T @ dscores
    db2 = dscores.sum(axis=0, keepdims=True)
    dH = dscores @ W2.T
    dH[H <= 0] = 0
    dW1 = X.T @ dH
    db1 = dH.sum(axis=0, keepdims=True)
    W1 -= learning_rate * dW1
    b1 -= learning_rate * db1
    W2 -= learning_rate * dW2
    b2 -= learning_rate * db2
    if epoch % 50 == 0:
        print(f"{epoch}: {loss:.4f}")

FAULTS = (
    [("dscores = (P - Y) / len(X)", "dscores = (Y - P) / len(X)", "sign")],
    [("    dH[H <= 0] = 0\n", "", "missing derivative")],
    [("dscores = (P - Y) / len(X)", "dscores = P - Y", "missing mean")],
    [("W1 -= learning_rate * dW1", "W1 += learning_rate * dW1", "climbs")],
)
