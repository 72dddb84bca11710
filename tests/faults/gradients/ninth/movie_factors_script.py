"""Matrix factorisation of a small table of ratings: entry by entry, with L2 and constants in the update line."""

import numpy as np

R = np.array([[5, 3, 0, 1], [4, 0, 0, 1], [1, 1, 0, 5], [1, 0, 4, 4], [0, 1, 5, 4]], dtype=float)
users, movies = R.shape
K = 3

np.random.seed(0)
P = np.random.rand(users, K)
Q = np.random.rand(K, movies)
alpha, beta = 0.01, 0.6
seen = [(i, j) for i in range(users) for j in range(movies) if R[i, j] > 0]

for step in range(20):
    total = 0.0
    for i, j in seen:
        e = R[i, j] - P[i] @ Q[:, j]
        loss = e**2 + beta / 2 * (P[i] @ P[i] + Q[:, j] @ Q[:, j])
        total += loss
        old = P[i].copy()
        P[i] = P[i] + alpha * (2 * e * Q[:, j] - beta * P[i])
        Q[:, j] = Q[:, j] + alpha * (2 * e * old - beta * Q[:, j])
    if step % 5 == 0:
        print(step, total)

FAULTS = (
    [("alpha * (2 * e * Q[:, j] - beta * P[i])", "alpha * (e * Q[:, j] - beta * P[i])", "factor")],
    [("alpha * (2 * e * old - beta * Q[:, j])", "alpha * (2 * e * P[i] - beta * Q[:, j])", "stale weights")],
    [
        ("alpha * (2 * e * Q[:, j] - beta * P[i])", "alpha * (2 * e * Q[:, j] + beta * P[i])", "sign"),
        ("alpha * (2 * e * old - beta * Q[:, j])", "alpha * (2 * e * old)", "missing path"),
    ],
)
