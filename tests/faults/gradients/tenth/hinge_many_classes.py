"""A linear classifier of many classes with a hinge loss and a penalty on its weights, without loops."""

import numpy as np


def svm_loss(X, y, W, b, reg):
    num_train = X.shape[0]
    scores = X @ W + b
    correct = scores[np.arange(num_train), y][:, None]
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(num_train), y] = 0
    loss = margins.sum() / num_train + reg * np.sum(W**2)
    return loss


def svm_grad(X, y, W, b, reg, margins):
    num_train = X.shape[0]
    mask = (margins > 0).astype(float)
    mask[np.arange(num_train), y] = -mask.sum(axis=1)
    mask /= num_train
    dW = X.T @ mask + 2 * reg * W
    db = mask.sum(axis=0)
    return dW, db


def subject(rng):
    args = (rng.normal(size=(6, 3)), np.array([1, 0, 3, 2, 1, 3]), rng.normal(size=(3, 4)), rng.normal(size=4), 0.3)
    return svm_loss, svm_grad, args, {"wrt": ["W", "b"]}


FAULTS = (
    [("    mask[np.arange(num_train), y] = -mask.sum(axis=1)\n", "", "missing path")],
    [("db = mask.sum(axis=0)", "db = mask.sum(axis=0) + 2 * reg * b", "extra path")],
    [("dW = X.T @ mask + 2 * reg * W", "dW = X.T @ mask + reg * W", "factor")],
    [("dW = X.T @ mask + 2 * reg * W", "dW = X.T @ mask - 2 * reg * W", "sign")],
    [
        ("    mask /= num_train\n", "", "missing mean"),
        ("dW = X.T @ mask + 2 * reg * W", "dW = X.T @ mask", "missing path"),
    ],
)
