import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(12, 3))
y = X @ np.array([1.0, -2.0, 0.5]) + 0.1
W_t = rng.normal(size=(3, 2))
W = rng.normal(size=(3, 2))
for t in range(4):
    e = X @ W - X @ W_t
    loss = np.sum(e**2) / 12
    W -= 0.1 * 2 * X.T @ e / 12
