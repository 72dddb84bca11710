"""Spam or not from four word counts: logistic regression, one mail at a time."""

import numpy as np

np.random.seed(11)
mails = np.random.poisson(2.0, (60, 4)) / 2
labels = (mails @ np.array([1.0, -0.8, 0.6, -0.5]) > 0.3).astype(float)


def sigmoid(t):
    return 1.0 / (1.0 + np.exp(-t))


w = np.random.randn(4) * 0.5
bias = -0.3
eta = 0.05
l2 = 0.02

for epoch in range(2):
    epoch_loss = 0.0
    for i in np.random.permutation(len(mails)):
        xi, yi = mails[i], labels[i]
        p = sigmoid(w @ xi + bias)
        loss = -yi * np.log(p) - (1 - yi) * np.log(1 - p) + l2 * np.sum(w**2)
        epoch_loss += loss

        g = p - yi
        grad_w = g * xi + 2 * l2 * w
        grad_b = g
        w -= eta * grad_w
        bias -= eta * grad_b
    print(f"epoch {epoch}: {epoch_loss / len(mails):.4f}")

FAULTS = (
    [("g = p - yi", "g = (p - yi) * p * (1 - p)", "output derivative twice")],
    [("g = p - yi", "g = p - (2 * yi - 1)", "wrong target")],
    [("w -= eta * grad_w", "w += eta * grad_w", "climbs")],
    [("grad_w = g * xi + 2 * l2 * w", "grad_w = g * xi + l2 * w", "factor")],
    [
        ("grad_w = g * xi + 2 * l2 * w", "grad_w = g * xi - 2 * l2 * w", "sign"),
        ("grad_b = g\n", "grad_b = g + 2 * l2 * bias\n", "extra path"),
    ],
)
