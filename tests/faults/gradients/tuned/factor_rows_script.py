"""Matrix factorization in a script: one rating after the other, rows of two tables, biases of users and items, a mean."""

import numpy as np

rng = np.random.default_rng(17)
ratings = [(0, 1, 4.0), (0, 2, 3.0), (1, 0, 5.0), (2, 2, 1.0), (1, 1, 2.0)]
users, items = rng.normal(scale=0.3, size=(3, 2)), rng.normal(scale=0.3, size=(3, 2))
bu, bi = np.zeros(3), np.zeros(3)
mean = np.mean([r for _, _, r in ratings])
gamma, lam = 0.05, 0.02
for epoch in range(10):
    sse = 0.0
    for u, i, r in ratings:
        pu, qi = users[u].copy(), items[i].copy()
        err = r - (mean + bu[u] + bi[i] + pu @ qi)
        loss = err**2 + lam * (bu[u] ** 2 + bi[i] ** 2 + pu @ pu + qi @ qi)
        sse += err**2
        bu[u] += gamma * 2 * (err - lam * bu[u])
        bi[i] += gamma * 2 * (err - lam * bi[i])
        users[u] += gamma * 2 * (err * qi - lam * pu)
        items[i] += gamma * 2 * (err * pu - lam * qi)
    print(epoch, sse)

FAULTS = (
    [("users[u] += gamma * 2 * (err * qi - lam * pu)", "users[u] += gamma * 2 * (err * qi + lam * pu)", "sign")],
    [("items[i] += gamma * 2 * (err * pu", "items[i] += gamma * 2 * (err * users[u]", "stale weights")],
    [("bi[i] += gamma * 2 * (err - lam * bi[i])", "bi[i] -= gamma * 2 * (err - lam * bi[i])", "climbs")],
)
