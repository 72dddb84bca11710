"""A script: Nesterov's momentum with the gradient at the point ahead, hinge loss of several classes, a bias in the last row."""

import numpy as np

rng = np.random.default_rng(31)
X = np.hstack([rng.normal(size=(13, 3)), np.ones((13, 1))])
y = rng.integers(0, 4, 13)
W = 0.01 * rng.normal(size=(4, 4))
velocity = 0
mu, step_size, strength = 0.9, 0.05, 0.1

for turn in range(30):
    ahead = W + mu * velocity
    scores = X @ ahead
    correct = scores[np.arange(13), y][:, None]
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(13), y] = 0
    data_loss = margins.sum() / 13
    loss = data_loss + 0.5 * strength * (ahead * ahead).sum()
    counts = (margins > 0).astype(float)
    counts[np.arange(13), y] = -counts.sum(axis=1)
    dW = X.T @ counts / 13 + strength * ahead
    velocity = mu * velocity - step_size * dW
    W = W + velocity

FAULTS = (
    [("counts[np.arange(13), y] = -counts.sum(axis=1)\n", "counts[np.arange(13), y] = -1\n", "wrong value")],
    [("dW = X.T @ counts / 13 + strength * ahead", "dW = X.T @ counts / 13", "missing path")],
    [("dW = X.T @ counts / 13 + strength * ahead", "dW = X.T @ counts + strength * ahead", "missing mean")],
    [("velocity = mu * velocity - step_size", "velocity = mu * velocity + step_size", "climbs")],
)
