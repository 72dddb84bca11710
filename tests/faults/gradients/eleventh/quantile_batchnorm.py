"""Three quantiles of the demand for power, a hidden layer with batch normalisation, a decaying rate."""

import numpy as np

rng = np.random.default_rng(31)
N = 48
hour = rng.uniform(0, 24, N)
temp = rng.normal(12, 6, N)
demand = 3 + np.sin(hour / 24 * 2 * np.pi) - 0.05 * temp + rng.gamma(2.0, 0.3, N)
X = np.stack([np.sin(hour / 24 * 2 * np.pi), np.cos(hour / 24 * 2 * np.pi), (temp - 12) / 6], axis=1)
y = demand[:, None]
taus = np.array([0.1, 0.5, 0.9])

H = 8
W1 = rng.normal(0, 0.6, (3, H))
gamma, beta = np.ones(H), 0.1 * rng.normal(size=H)
W2 = rng.normal(0, 0.4, (H, 3))
b2 = np.array([2.0, 3.0, 4.0])

initial_lr, drop = 0.2, 0.05
log = []
for epoch in range(30):
    lr = initial_lr / (1 + drop * epoch)

    # forward
    z1 = X @ W1
    mu = z1.mean(axis=0)
    var = z1.var(axis=0)
    inv_std = 1 / np.sqrt(var + 1e-5)
    z_hat = (z1 - mu) * inv_std
    bn = gamma * z_hat + beta
    a1 = np.maximum(bn, 0)
    q = a1 @ W2 + b2
    u = y - q
    loss = np.maximum(taus * u, (taus - 1) * u).sum() / N
    log.append(loss)

    # backward
    dq = np.where(u > 0, -taus, 1 - taus) / N
    dW2 = a1.T @ dq
    da1 = dq @ W2.T
    W2 = W2 - lr * dW2
    db2 = dq.sum(axis=0)
    b2 = b2 - lr * db2
    dbn = da1 * (bn > 0)
    dgamma = (dbn * z_hat).sum(axis=0)
    dbeta = dbn.sum(axis=0)
    dz_hat = dbn * gamma
    dz1 = inv_std * (dz_hat - dz_hat.mean(axis=0) - z_hat * (dz_hat * z_hat).mean(axis=0))
    dW1 = X.T @ dz1

    W1 = W1 - lr * dW1
    gamma = gamma - lr * dgamma
    beta = beta - lr * dbeta

print("pinball loss", log[0], "->", log[-1])

FAULTS = (
    [
        (
            "dz1 = inv_std * (dz_hat - dz_hat.mean(axis=0) - z_hat * (dz_hat * z_hat).mean(axis=0))",
            "dz1 = inv_std * (dz_hat - dz_hat.mean(axis=0))",
            "missing path",
        )
    ],
    [
        (
            "    da1 = dq @ W2.T\n    W2 = W2 - lr * dW2\n",
            "    W2 = W2 - lr * dW2\n    da1 = dq @ W2.T\n",
            "stale weights",
        )
    ],
    [
        (
            "dq = np.where(u > 0, -taus, 1 - taus) / N",
            "dq = np.where(u > 0, -taus, 1 - taus) * (1 - np.tanh(q) ** 2) / N",
            "extra derivative",
        )
    ],
    [("dbeta = dbn.sum(axis=0)", "dbeta = dbn.sum()", "wrong axis")],
    [
        ("dbn = da1 * (bn > 0)", "dbn = da1 * (z1 > 0)", "wrong derivative"),
        ("dgamma = (dbn * z_hat).sum(axis=0)", "dgamma = dbn * z_hat", "not summed"),
    ],
)
