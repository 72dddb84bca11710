"""A linear support vector machine: hinge loss, ridge, small batches, a rate that falls."""

import numpy as np

rng = np.random.RandomState(2)
features = rng.randn(20, 3)
sign = np.where(features[:, 0] - features[:, 1] > 0, 1.0, -1.0)
w = np.array([1.2, -0.9, 0.3])
bias = 0.1 * rng.randn(1)
C = 0.05


def hinge_loss(x, t, w, bias):
    return np.maximum(0, 1 - t * (x @ w + bias)).mean() + 0.5 * C * np.dot(w, w)


def hinge_gradient(x, t, w, bias):
    active = (t * (x @ w + bias) < 1).astype(float)
    slope = -active * t / len(t)
    return x.T @ slope + C * w, slope.sum()


def train(w, bias, epochs=6, size=5):
    step = 0
    for epoch in range(epochs):
        for start in range(0, len(features), size):
            x, t = features[start : start + size], sign[start : start + size]
            loss = hinge_loss(x, t, w, bias)
            gw, gb = hinge_gradient(x, t, w, bias)
            learning_rate = 0.5 / (1 + 0.1 * step)
            w = w - learning_rate * gw
            bias = bias - learning_rate * gb
            step += 1
        print("epoch", epoch, "loss", loss)
    return w, bias


w, bias = train(w, bias)

FAULTS = (
    [("slope = -active * t / len(t)", "slope = active * t / len(t)", "sign")],
    [("x.T @ slope + C * w, slope.sum()", "x.T @ slope + C * w, slope.sum() + C * bias", "extra path")],
    [("slope = -active * t / len(t)", "slope = -t / len(t)", "missing derivative")],
    [
        ("x.T @ slope + C * w, slope.sum()", "x.T @ slope, slope.sum()", "missing path"),
        ("slope = -active * t / len(t)", "slope = -active * t", "missing mean"),
    ],
)
