"""A script: pairs of items are ranked by a linear score, one pair at a time; Adagrad, an average of the loss for show."""

import numpy as np

rng = np.random.default_rng(4)
items = rng.normal(size=(10, 3))
truth = items @ np.array([1.0, -1.0, 0.5])
pairs = [(i, j) for i in range(10) for j in range(10) if truth[i] > truth[j] + 1]
w = rng.normal(size=3) * 0.1
G = np.zeros(3)
running_loss = 0.0
base_rate = 0.1
reg = 0.05

for epoch in range(3):
    for i, j in pairs:
        difference = items[i] - items[j]
        margin = w @ difference
        loss = np.log1p(np.exp(-margin)) + reg * w @ w
        running_loss = 0.99 * running_loss + 0.01 * loss
        g = -difference / (1 + np.exp(margin)) + 2 * reg * w
        G += g * g
        w -= base_rate * g / np.sqrt(G + 1e-8)
    print(running_loss)

FAULTS = (
    [("+ 2 * reg * w\n", "+ reg * w\n", "factor")],
    [("g = -difference / (1 + np.exp(margin))", "g = -difference / (1 + np.exp(-margin))", "sign")],
    [("g = -difference / (1 + np.exp(margin))", "g = difference / (1 + np.exp(margin))", "sign")],
    [("w -= base_rate * g", "w += base_rate * g", "climbs")],
)
