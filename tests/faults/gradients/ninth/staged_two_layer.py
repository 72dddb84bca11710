"""A two-layer net as a homework's function with `grads`: stage by stage, softmax loss, L2 on both matrices."""

import numpy as np


def two_layer_loss(X, y, W1, b1, W2, b2, reg=0.3):
    N = X.shape[0]
    fc1 = X.dot(W1) + b1
    relu1 = np.maximum(0, fc1)
    scores = relu1.dot(W2) + b2
    scores = scores - np.max(scores, axis=1, keepdims=True)
    exp_scores = np.exp(scores)
    probs = exp_scores / exp_scores.sum(axis=1, keepdims=True)
    loss = -np.sum(np.log(probs[np.arange(N), y])) / N
    loss += reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
    return loss, fc1, relu1, probs


def two_layer_grads(X, y, W1, b1, W2, b2, fc1, relu1, probs, reg=0.3):
    N = X.shape[0]
    grads = {}
    dscores = probs.copy()
    dscores[np.arange(N), y] -= 1
    dscores /= N
    # W2 and b2
    grads["W2"] = np.dot(relu1.T, dscores) + 2 * reg * W2
    grads["b2"] = np.sum(dscores, axis=0)
    # next backprop into hidden layer
    dhidden = np.dot(dscores, W2.T)
    # backprop the ReLU non-linearity
    dhidden[fc1 <= 0] = 0
    # finally into W1, b1
    grads["W1"] = np.dot(X.T, dhidden) + 2 * reg * W1
    grads["b1"] = np.sum(dhidden, axis=0)
    return grads


def subject(rng):
    X, y = rng.normal(size=(7, 4)), rng.integers(0, 3, 7)
    return (
        two_layer_loss,
        two_layer_grads,
        (X, y, rng.normal(size=(4, 5)), rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=3)),
    )


FAULTS = (
    [('grads["b2"] = np.sum(dscores, axis=0)', 'grads["b2"] = np.sum(dscores, axis=0) + 2 * reg * b2', "extra path")],
    [("np.dot(X.T, dhidden) + 2 * reg * W1", "np.dot(X.T, dhidden) + reg * W1", "factor")],
    [("dhidden[fc1 <= 0] = 0", "dhidden[dhidden <= 0] = 0", "wrong derivative")],
    [
        ('grads["b1"] = np.sum(dhidden, axis=0)', 'grads["b1"] = np.sum(dhidden)', "wrong axis"),
        ("np.dot(relu1.T, dscores) + 2 * reg * W2", "np.dot(relu1.T, dscores)", "missing path"),
    ],
    [
        ("    dscores /= N\n", "", "missing mean"),
        ("dscores[np.arange(N), y] -= 1", "dscores[np.arange(N), y - 1] -= 1", "wrong target"),
    ],
)
