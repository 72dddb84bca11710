"""Linear regression on standardised columns, a vector of weights, the target a flat vector; full batch."""

import numpy as np

rng = np.random.default_rng(31)
raw = rng.normal([80, 3, 20], [25, 1, 8], size=(9, 3))
price = raw @ np.array([2.0, 15.0, -1.0]) + rng.normal(0, 5, 9)

X = (raw - raw.mean(axis=0)) / raw.std(axis=0)
y = (price - price.mean()) / price.std()
m = len(y)

theta = np.zeros((3, 1))
bias = 0.1
lr = 0.1

for epoch in range(30):
    hypothesis = X @ theta + bias
    error = hypothesis - y.reshape(-1, 1)
    cost = np.sum(error**2) / (2 * m)

    grad_theta = X.T @ error / m
    grad_bias = np.sum(error) / m

    theta = theta - lr * grad_theta
    bias = bias - lr * grad_bias
    if epoch % 10 == 0:
        print(epoch, round(float(cost), 4))

FAULTS = (
    [("error = hypothesis - y.reshape(-1, 1)", "error = hypothesis - y", "broadcast")],
    [("grad_bias = np.sum(error) / m", "grad_bias = np.sum(hypothesis - y) / m", "broadcast")],
    [("grad_theta = X.T @ error / m", "grad_theta = 2 * X.T @ error / m", "factor")],
    [
        ("grad_bias = np.sum(error) / m", "grad_bias = np.sum(error)", "missing mean"),
        ("theta = theta - lr * grad_theta", "theta = theta + lr * grad_theta", "climbs"),
    ],
)
