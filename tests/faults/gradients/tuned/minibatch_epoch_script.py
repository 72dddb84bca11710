"""A script: shuffled minibatches, the epoch's loss added up for printing only, a rate that decays at the end of an epoch."""

import numpy as np

np.random.seed(2)
data = np.random.randn(24, 5)
target = (data @ np.array([1.0, -2.0, 0.0, 0.5, 1.5]) > 0.3).astype(float)
W = np.zeros((5, 1))
W += 0.1 * np.random.randn(5, 1)
c = 0.0
lr, batch = 0.2, 6

for epoch in range(12):
    order = np.random.permutation(len(data))
    epoch_loss = 0.0
    for k in range(0, len(data), batch):
        rows = order[k : k + batch]
        xb, yb = data[rows], target[rows][:, None]
        s = 1.0 / (1.0 + np.exp(-(xb @ W + c)))
        loss = np.mean(-yb * np.log(s) - (1 - yb) * np.log(1 - s))
        epoch_loss += loss * len(xb)
        g = (s - yb) / len(xb)
        W = W - lr * (xb.T @ g)
        c = c - lr * g.sum()
    lr *= 0.9
    print("epoch", epoch, "loss", epoch_loss / len(data))

FAULTS = (
    [("g = (s - yb) / len(xb)", "g = s - yb", "missing mean")],
    [("g = (s - yb) / len(xb)", "g = (s - yb) * s * (1 - s) / len(xb)", "output derivative twice")],
    [("g = (s - yb) / len(xb)", "g = (yb - s) / len(xb)", "sign")],
    [("c = c - lr * g.sum()", "c = c - lr * g.mean()", "extra mean")],
)
