"""A linear SVM with the squared hinge loss, labels −1 and 1, averaged weights, trained for a few epochs."""

import numpy as np

rng = np.random.RandomState(0)
X = rng.randn(11, 4)
y = np.where(X[:, 0] + 0.3 * rng.randn(11) > 0, 1.0, -1.0)
w = rng.randn(4) * 0.3
b = 0.0
C = 1.5
eta = 0.02
w_average = np.zeros(4)

for epoch in range(40):
    margin = 1 - y * (X @ w + b)
    active = np.maximum(margin, 0)
    loss = 0.5 * np.dot(w, w) + C * np.mean(active**2)
    g = -2 * C * active * y / len(y)
    dw = w + X.T @ g
    db = np.sum(g)
    w = w - eta * dw
    b = b - eta * db
    w_average += w / 40

print("loss", loss, "weights", w_average)

FAULTS = (
    [("g = -2 * C * active * y / len(y)", "g = -2 * C * active / len(y)", "missing derivative")],
    [("g = -2 * C * active * y / len(y)", "g = -2 * active * y / len(y)", "factor")],
    [
        ("g = -2 * C * active * y / len(y)", "g = 2 * C * active * y / len(y)", "sign"),
        ("dw = w + X.T @ g", "dw = X.T @ g", "missing path"),
    ],
)
