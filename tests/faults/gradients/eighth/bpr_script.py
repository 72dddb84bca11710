"""Bayesian personalized ranking, one triple at a time: a user likes item i better than item j."""

import numpy as np

rng = np.random.default_rng(8)
triples = [(0, 1, 2), (1, 0, 3), (2, 4, 1), (0, 3, 4)]
P = rng.normal(size=(3, 4)) * 0.5
Q = rng.normal(size=(5, 4)) * 0.5
lr = 0.3
reg = 0.1

for epoch in range(5):
    for u, i, j in triples:
        x_uij = np.dot(P[u], Q[i] - Q[j])
        sigma = 1 / (1 + np.exp(x_uij))
        penalty = np.sum(P[u] ** 2) + np.sum(Q[i] ** 2) + np.sum(Q[j] ** 2)
        loss = np.log(1 + np.exp(-x_uij)) + 0.5 * reg * penalty

        grad_p = -sigma * (Q[i] - Q[j]) + reg * P[u]
        grad_i = -sigma * P[u] + reg * Q[i]
        grad_j = sigma * P[u] + reg * Q[j]
        P[u] -= lr * grad_p
        Q[i] -= lr * grad_i
        Q[j] -= lr * grad_j
    print(loss)

FAULTS = (
    [
        (
            "        grad_i = -sigma * P[u] + reg * Q[i]\n",
            "        P[u] -= lr * grad_p\n        grad_i = -sigma * P[u] + reg * Q[i]\n",
            "stale weights",
        ),
        ("        P[u] -= lr * grad_p\n        Q[i]", "        Q[i]"),
    ],
    [("grad_j = sigma * P[u] + reg * Q[j]", "grad_j = -sigma * P[u] + reg * Q[j]", "sign")],
    [
        ("grad_p = -sigma * (Q[i] - Q[j]) + reg * P[u]", "grad_p = -sigma * (Q[i] - Q[j]) + 2 * reg * P[u]", "factor"),
        ("grad_i = -sigma * P[u] + reg * Q[i]", "grad_i = -sigma * P[u]", "missing path"),
    ],
)
