"""Films and viewers as short vectors, found from the ratings that there are."""

import numpy as np

np.random.seed(21)
n_users, n_films, k = 8, 8, 3
R = np.random.randint(1, 6, (n_users, n_films)).astype(float)
seen = np.random.rand(n_users, n_films) < 0.6
mu = R[seen].mean()

P = 0.4 * np.random.randn(n_users, k)
Q = 0.4 * np.random.randn(n_films, k)
bu = 0.1 * np.random.randn(n_users)
bi = 0.1 * np.random.randn(n_films)
reg, lr = 0.1, 0.02

for epoch in range(30):
    R_hat = mu + bu[:, None] + bi[None, :] + P @ Q.T
    E = np.where(seen, R_hat - R, 0)
    loss = 0.5 * np.sum(E**2) + 0.5 * reg * (np.sum(P**2) + np.sum(Q**2) + bu @ bu + bi @ bi)
    if epoch % 10 == 0:
        print("epoch", epoch, "loss", loss)

    dP = E @ Q + reg * P
    dQ = E.T @ P + reg * Q
    dbu = E.sum(axis=1) + reg * bu
    dbi = E.sum(axis=0) + reg * bi
    P -= lr * dP
    Q -= lr * dQ
    bu -= lr * dbu
    bi -= lr * dbi

FAULTS = (
    [
        (
            "    dQ = E.T @ P + reg * Q\n    dbu = E.sum(axis=1) + reg * bu\n    dbi = E.sum(axis=0) + reg * bi\n    P -= lr * dP\n",
            "    P -= lr * dP\n    dQ = E.T @ P + reg * Q\n    dbu = E.sum(axis=1) + reg * bu\n    dbi = E.sum(axis=0) + reg * bi\n",
            "stale weights",
        )
    ],
    [("dbu = E.sum(axis=1) + reg * bu", "dbu = E.sum(axis=0) + reg * bu", "wrong axis")],
    [("dQ = E.T @ P + reg * Q", "dQ = E @ P + reg * Q", "transpose")],
    [("bi -= lr * dbi", "bi += lr * dbi", "climbs")],
    [
        ("dP = E @ Q + reg * P", "dP = E @ Q", "missing path"),
        ("dbi = E.sum(axis=0) + reg * bi", "dbi = E.mean(axis=0) + reg * bi", "extra mean"),
    ],
)
