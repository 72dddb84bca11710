"""A multiclass support vector machine without loops, with a penalty."""

import numpy as np


def svm_loss(W, X, y, reg):
    num = X.shape[0]
    scores = X.dot(W)
    correct = scores[np.arange(num), y][:, np.newaxis]
    margins = np.maximum(0, scores - correct + 1.0)
    margins[np.arange(num), y] = 0
    return np.sum(margins) / num + reg * np.sum(W * W)


def svm_grad(W, X, y, reg):
    num = X.shape[0]
    scores = X.dot(W)
    correct = scores[np.arange(num), y][:, np.newaxis]
    margins = np.maximum(0, scores - correct + 1.0)
    margins[np.arange(num), y] = 0
    binary = (margins > 0).astype(float)
    binary[np.arange(num), y] = -binary.sum(axis=1)
    dW = X.T.dot(binary) / num
    dW = dW + 2 * reg * W
    return dW


def subject(rng):
    return (
        svm_loss,
        svm_grad,
        (rng.normal(size=(4, 3)), rng.normal(size=(8, 4)), rng.integers(0, 3, 8), 0.3),
        {"wrt": ["W"]},
    )


FAULTS = (
    [("dW = X.T.dot(binary) / num", "dW = X.T.dot(binary)", "missing mean")],
    [("dW = dW + 2 * reg * W", "dW = dW + reg * W", "factor")],
    [("    dW = dW + 2 * reg * W\n", "", "missing path")],
    [("dW = dW + 2 * reg * W", "dW = dW - 2 * reg * W", "sign")],
)
