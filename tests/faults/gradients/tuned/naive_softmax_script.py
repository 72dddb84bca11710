"""A linear classifier with loops over samples and classes, loss and gradient from one function, batches drawn by choice."""

import numpy as np


def softmax_loss_naive(W, X, y, reg):
    loss = 0.0
    dW = np.zeros_like(W)
    num_train = X.shape[0]
    for i in range(num_train):
        scores = X[i].dot(W)
        scores = scores - np.max(scores)
        total = np.sum(np.exp(scores))
        loss += -scores[y[i]] + np.log(total)
        for j in range(W.shape[1]):
            p = np.exp(scores[j]) / total
            dW[:, j] += (p - (j == y[i])) * X[i]
    loss = loss / num_train + reg * np.sum(W * W)
    dW = dW / num_train + 2 * reg * W
    return loss, dW


np.random.seed(12)
X_train = np.random.randn(30, 4)
y_train = np.random.randint(0, 3, 30)
W = 0.1 * np.random.randn(4, 3)
loss_history = []
for it in range(40):
    chosen = np.random.choice(30, 6, replace=False)
    loss, grad = softmax_loss_naive(W, X_train[chosen], y_train[chosen], 0.05)
    loss_history.append(loss)
    W -= 0.1 * grad

FAULTS = (
    [("dW = dW / num_train + 2 * reg * W", "dW = dW / num_train + reg * W", "factor")],
    [("dW = dW / num_train + 2 * reg * W", "dW = dW + 2 * reg * W", "missing mean")],
    [("dW[:, j] += (p - (j == y[i])) * X[i]", "dW[:, j] += p * X[i]", "missing path")],
)
