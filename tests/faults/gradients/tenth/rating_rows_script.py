"""Recommendations: two tables of vectors, one rating at a time."""

import numpy as np

rng = np.random.default_rng(17)
ratings = [(0, 1, 4.0), (0, 3, 2.0), (1, 0, 5.0), (1, 2, 1.0), (2, 1, 3.0), (2, 3, 4.0), (3, 0, 2.0), (3, 2, 5.0)]
users = rng.normal(scale=0.5, size=(4, 3))
items = rng.normal(scale=0.5, size=(4, 3))
mean = np.mean([r for _, _, r in ratings])
gamma, lam = 0.05, 0.1

for epoch in range(10):
    for u, i, r in ratings:
        error = r - mean - users[u] @ items[i]
        loss = 0.5 * error**2 + 0.5 * lam * (users[u] @ users[u] + items[i] @ items[i])
        grad_user = -error * items[i] + lam * users[u]
        grad_item = -error * users[u] + lam * items[i]
        users[u] -= gamma * grad_user
        items[i] -= gamma * grad_item

FAULTS = (
    [("grad_item = -error * users[u] + lam * items[i]", "grad_item = -error * users[u]", "missing path")],
    [
        (
            "        grad_item = -error * users[u] + lam * items[i]\n        users[u] -= gamma * grad_user\n",
            "        users[u] -= gamma * grad_user\n        grad_item = -error * users[u] + lam * items[i]\n",
            "stale weights",
        )
    ],
    [
        (
            "grad_user = -error * items[i] + lam * users[u]",
            "grad_user = -error * items[i] + lam * items[i]",
            "wrong value",
        )
    ],
    [
        ("users[u] -= gamma * grad_user", "users[u] += gamma * grad_user", "climbs"),
        ("grad_item = -error * users[u] + lam * items[i]", "grad_item = -error * users[u] - lam * items[i]", "sign"),
    ],
)
