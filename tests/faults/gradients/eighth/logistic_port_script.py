"""A homework ported from Octave: theta is a column, the labels come out of the file as a flat array."""

import numpy as np

rng = np.random.default_rng(31)
data = np.column_stack([rng.normal(50, 10, 10), rng.normal(60, 8, 10), rng.integers(0, 2, 10)])
X = (data[:, :2] - data[:, :2].mean(axis=0)) / data[:, :2].std(axis=0)
X = np.column_stack([np.ones(10), X])
y = data[:, 2]
m = len(y)

theta = np.array([[0.2], [-0.3], [0.5]])
alpha = 0.5

for iteration in range(100):
    h = 1 / (1 + np.exp(-X @ theta))
    J = -(y @ np.log(h) + (1 - y) @ np.log(1 - h))[0] / m
    theta = theta - alpha / m * X.T @ (h - y[:, None])

print(J, theta.ravel())

FAULTS = (
    [("(h - y[:, None])", "(h - y)", "broadcast")],
    [("(h - y[:, None])", "(y[:, None] - h)", "sign")],
    [
        ("theta = theta - alpha / m * X.T", "theta = theta + alpha / m * X.T", "climbs"),
        ("(h - y[:, None])", "((h - y[:, None]) * h * (1 - h))", "output derivative twice"),
    ],
)
