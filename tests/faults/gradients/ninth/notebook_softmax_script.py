"""Softmax regression in the cells of a notebook, with weight decay and a hidden ReLU layer."""

import numpy as np

np.random.seed(0)
N, D, H, K = 7, 3, 6, 4
X = np.random.randn(N, D)
y = np.array([0, 2, 1, 3, 2, 0, 1])

W = 0.8 * np.random.randn(D, H)
b = 0.1 * np.ones((1, H))
W2 = 0.8 * np.random.randn(H, K)
b2 = np.zeros((1, K))

step_size = 0.2
reg = 0.05

for i in range(60):
    hidden_layer = np.maximum(0, np.dot(X, W) + b)
    scores = np.dot(hidden_layer, W2) + b2

    exp_scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    data_loss = -np.log(probs[range(N), y]).mean()
    reg_loss = 0.5 * reg * np.sum(W * W) + 0.5 * reg * np.sum(W2 * W2)
    loss = data_loss + reg_loss
    if i % 20 == 0:
        print(f"iteration {i}: loss {loss:f}")

    dscores = probs.copy()
    dscores[range(N), y] -= 1
    dscores /= N

    dW2 = np.dot(hidden_layer.T, dscores)
    db2 = np.sum(dscores, axis=0, keepdims=True)
    dhidden = np.dot(dscores, W2.T)
    dhidden[hidden_layer <= 0] = 0
    dW = np.dot(X.T, dhidden)
    db = np.sum(dhidden, axis=0, keepdims=True)

    dW2 += reg * W2
    dW += reg * W

    W += -step_size * dW
    b += -step_size * db
    W2 += -step_size * dW2
    b2 += -step_size * db2

FAULTS = (
    [("    dW2 += reg * W2\n", "", "missing path")],
    [("dscores[range(N), y] -= 1", "dscores[range(N), y - 1] -= 1", "wrong target")],
    [("    dhidden[hidden_layer <= 0] = 0\n", "", "missing derivative")],
    [
        ("dscores /= N", "dscores /= N * K", "extra mean"),
        ("dW += reg * W\n", "dW -= reg * W\n", "sign"),
    ],
    [
        ("db = np.sum(dhidden, axis=0, keepdims=True)", "db = np.mean(dhidden, axis=0, keepdims=True)", "extra mean"),
        ("dscores[range(N), y] -= 1", "dscores[range(N), y - 1] -= 1", "wrong target"),
    ],
)
