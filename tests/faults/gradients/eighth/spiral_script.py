"""A two-layer classifier in a plain script without any functions, softmax with integer labels."""

import numpy as np

np.random.seed(11)
N, D, H, K = 12, 2, 6, 3
X = np.random.randn(N, D) + np.repeat(np.eye(3, 2) * 2, 4, axis=0)
y = np.repeat(np.arange(K), 4)
W = 0.5 * np.random.randn(D, H)
b = np.zeros((1, H))
W2 = 0.5 * np.random.randn(H, K)
b2 = np.zeros((1, K))
step_size = 1e-1
reg = 1e-1

for i in range(30):
    hidden_layer = np.maximum(0, np.dot(X, W) + b)
    scores = np.dot(hidden_layer, W2) + b2
    exp_scores = np.exp(scores)
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    correct_logprobs = -np.log(probs[range(N), y])
    data_loss = np.sum(correct_logprobs) / N
    reg_loss = 0.5 * reg * np.sum(W * W) + 0.5 * reg * np.sum(W2 * W2)
    loss = data_loss + reg_loss

    dscores = probs
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

print(loss)

FAULTS = (
    [
        (
            "    dhidden = np.dot(dscores, W2.T)",
            "    W2 += -step_size * (dW2 + reg * W2)\n    b2 += -step_size * db2\n    dhidden = np.dot(dscores, W2.T)",
            "stale weights",
        ),
        ("    dW2 += reg * W2\n    dW += reg * W\n", "    dW += reg * W\n"),
        (
            "    b += -step_size * db\n    W2 += -step_size * dW2\n    b2 += -step_size * db2\n",
            "    b += -step_size * db\n",
        ),
    ],
    [("    dscores /= N\n", "", "missing mean")],
    [("W2 += -step_size * dW2\n", "W2 += step_size * dW2\n", "climbs")],
    [
        ("    dhidden[hidden_layer <= 0] = 0\n", "", "missing derivative"),
        ("dW2 += reg * W2", "dW2 -= reg * W2", "sign"),
    ],
)
