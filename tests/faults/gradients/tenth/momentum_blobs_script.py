"""Three clouds of points, a net with relu, small batches and momentum."""

import numpy as np

rng = np.random.default_rng(4)
labels = np.arange(24) % 3
points = rng.normal(size=(24, 2)) + 2 * np.eye(3, 2)[labels]

W1, b1 = 0.5 * rng.normal(size=(2, 8)), np.zeros((1, 8))
W2, b2 = 0.5 * rng.normal(size=(8, 3)), np.zeros((1, 3))
velocity = [np.zeros_like(p) for p in (W1, b1, W2, b2)]
lr, mu, batch_size = 0.05, 0.9, 6

for epoch in range(3):
    order = rng.permutation(24)
    for start in range(0, 24, batch_size):
        rows = order[start : start + batch_size]
        x, y = points[rows], labels[rows]

        z1 = x @ W1 + b1
        h = np.maximum(0, z1)
        scores = h @ W2 + b2
        exp_scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        probs = exp_scores / exp_scores.sum(axis=1, keepdims=True)
        loss = -np.log(probs[np.arange(batch_size), y]).mean()

        dscores = probs.copy()
        dscores[np.arange(batch_size), y] -= 1
        dscores = dscores / batch_size
        dW2 = h.T @ dscores
        db2 = dscores.sum(axis=0, keepdims=True)
        dh = dscores @ W2.T
        dh[z1 <= 0] = 0
        dW1 = x.T @ dh
        db1 = dh.sum(axis=0, keepdims=True)

        for i, g in enumerate([dW1, db1, dW2, db2]):
            velocity[i] = mu * velocity[i] - lr * g
        W1 += velocity[0]
        b1 += velocity[1]
        W2 += velocity[2]
        b2 += velocity[3]
    print(epoch, loss)

FAULTS = (
    [("        dh[z1 <= 0] = 0\n", "", "missing derivative")],
    [("velocity[i] = mu * velocity[i] - lr * g", "velocity[i] = mu * velocity[i] + lr * g", "climbs")],
    [("        dscores = dscores / batch_size\n", "", "missing mean")],
    [("dscores[np.arange(batch_size), y] -= 1", "dscores[np.arange(batch_size), y - 1] -= 1", "wrong target")],
    [
        ("        W2 += velocity[2]\n", "        W2 -= velocity[2]\n", "climbs"),
        ("        dh[z1 <= 0] = 0\n", "", "missing derivative"),
    ],
)
