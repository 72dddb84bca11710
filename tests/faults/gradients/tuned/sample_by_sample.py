"""A perceptron with sums over the samples in a loop."""

import numpy as np


def total_loss(xs, ys, W1, W2):
    loss = 0.0
    for x, y in zip(xs, ys):
        h = np.tanh(W1 @ x)
        out = W2 @ h
        loss += 0.5 * np.sum((out - y) ** 2)
    return loss / len(xs)


def total_gradient(xs, ys, W1, W2):
    g1, g2 = np.zeros_like(W1), np.zeros_like(W2)
    for x, y in zip(xs, ys):
        h = np.tanh(W1 @ x)
        out = W2 @ h
        delta = out - y
        g2 += np.outer(delta, h)
        back = (W2.T @ delta) * (1 - h**2)
        g1 += np.outer(back, x)
    return g1 / len(xs), g2 / len(xs)


def subject(rng):
    args = (rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), rng.normal(size=(5, 3)), rng.normal(size=(2, 5)))
    return total_loss, total_gradient, args, {"wrt": ["W1", "W2"]}


FAULTS = (
    [("return g1 / len(xs), g2 / len(xs)", "return g1, g2", "missing mean")],
    [("delta = out - y", "delta = y - out", "sign")],
    [("back = (W2.T @ delta) * (1 - h**2)", "back = W2.T @ delta", "missing derivative")],
    [("back = (W2.T @ delta) * (1 - h**2)", "back = (W2.T @ delta) * (1 - h)", "wrong derivative")],
)
