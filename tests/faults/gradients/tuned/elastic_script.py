"""A script: standardised features, a linear model with a squared and a smooth absolute penalty, momentum."""

import numpy as np

np.random.seed(11)
raw = np.random.rand(40, 4) * np.array([1.0, 10.0, 100.0, 5.0])
truth = np.array([0.4, -0.03, 0.002, 0.0])
price = raw.dot(truth) + 1.5 + 0.05 * np.random.randn(40)

features = (raw - raw.mean(axis=0)) / raw.std(axis=0)
price = price.reshape(-1, 1)
weights = np.random.randn(4, 1) * 0.1
bias = np.zeros((1, 1))
l1, l2 = 0.01, 0.1
alpha = 0.02
costs = []

for iteration in range(200):
    m = features.shape[0]
    prediction = features.dot(weights) + bias
    error = prediction - price
    cost = (1 / (2 * m)) * np.sum(error**2) + l2 / 2 * np.sum(weights**2) + l1 * np.sum(np.sqrt(weights**2 + 1e-4))
    costs.append(cost)
    d_weights = (1 / m) * features.T.dot(error) + l2 * weights + l1 * weights / np.sqrt(weights**2 + 1e-4)
    d_bias = (1 / m) * np.sum(error, axis=0, keepdims=True)
    weights -= alpha * d_weights
    bias -= alpha * d_bias

print("cost", costs[-1])

FAULTS = (
    [("d_weights = (1 / m) * features.T.dot(error)", "d_weights = features.T.dot(error)", "missing mean")],
    [(" + l2 * weights + l1", " + l1", "missing path")],
    [(" + l2 * weights + l1", " + 2 * l2 * weights + l1", "factor")],
    [("+ l1 * weights / np.sqrt(weights**2 + 1e-4)\n    d_bias", "\n    d_bias", "missing path")],
    [("error = prediction - price\n", "error = price - prediction\n", "sign")],
    [
        (
            "d_bias = (1 / m) * np.sum(error, axis=0, keepdims=True)",
            "d_bias = (1 / m) * np.mean(error, axis=0, keepdims=True)",
            "extra mean",
        )
    ],
    [
        ("bias -= alpha * d_bias", "bias += alpha * d_bias", "climbs"),
        (" + l2 * weights + l1", " - l2 * weights + l1", "sign"),
    ],
)
