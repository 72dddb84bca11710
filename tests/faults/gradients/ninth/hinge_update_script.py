"""A linear support vector machine by subgradient descent over the whole batch, labels plus and minus one."""

import numpy as np

rng = np.random.default_rng(21)
X = rng.normal(size=(7, 3))
y = np.where(X[:, 0] + 0.5 * X[:, 1] > 0, 1, -1)
n_samples, n_features = X.shape

w = rng.normal(size=n_features)
b = 0.3
lr, C = 0.05, 1.7

for epoch in range(50):
    margins = y * (X @ w + b)
    slack = np.maximum(0, 1 - margins)
    loss = 0.5 * np.dot(w, w) + C * np.mean(slack)

    mask = slack > 0
    dw = w - C * (X[mask] * y[mask, None]).sum(axis=0) / n_samples
    db = -C * y[mask].sum() / n_samples

    w = w - lr * dw
    b = b - lr * db

print("training accuracy", np.mean(np.sign(X @ w + b) == y))

FAULTS = (
    [("dw = w - C * (X[mask]", "dw = w + C * (X[mask]", "sign")],
    [("db = -C * y[mask].sum() / n_samples", "db = -C * y[mask].sum()", "missing mean")],
    [("mask = slack > 0", "mask = margins < 0", "wrong derivative")],
    [
        ("dw = w - C * (X[mask]", "dw = 2 * w - C * (X[mask]", "factor"),
        ("db = -C * y[mask].sum() / n_samples", "db = C * y[mask].sum() / n_samples", "sign"),
    ],
)
