"""A script: quantile regression by a small net with a momentum term, columns of the table by name."""

import numpy as np

rng = np.random.default_rng(17)
table = {"size": rng.uniform(0, 2, 24), "age": rng.uniform(-1, 1, 24)}
table["price"] = 2 * table["size"] - table["age"] + rng.normal(size=24)
X = np.column_stack([table["size"], table["age"]])
y = table["price"][:, None]
quantile = 0.8

W1 = rng.normal(size=(2, 5))
b1 = np.zeros((1, 5))
W2 = rng.normal(size=(5, 1))
b2 = np.zeros((1, 1))
vW1, vb1, vW2, vb2 = (np.zeros_like(p) for p in (W1, b1, W2, b2))
lr, momentum = 0.05, 0.9

for epoch in range(60):
    z1 = X @ W1 + b1
    h1 = 1 / (1 + np.exp(-z1))
    out = h1 @ W2 + b2
    r = y - out
    loss = np.mean(np.maximum(quantile * r, (quantile - 1) * r))

    d_out = np.where(r > 0, -quantile, 1 - quantile) / len(y)
    dW2 = h1.T @ d_out
    db2 = d_out.sum(axis=0, keepdims=True)
    d_h1 = d_out @ W2.T
    d_z1 = d_h1 * h1 * (1 - h1)
    dW1 = X.T @ d_z1
    db1 = d_z1.sum(axis=0, keepdims=True)

    vW1 = momentum * vW1 - lr * dW1
    vb1 = momentum * vb1 - lr * db1
    vW2 = momentum * vW2 - lr * dW2
    vb2 = momentum * vb2 - lr * db2
    W1 += vW1
    b1 += vb1
    W2 += vW2
    b2 += vb2

FAULTS = (
    [("1 - quantile) / len(y)", "1 - quantile)", "missing mean")],
    [("d_z1 = d_h1 * h1 * (1 - h1)", "d_z1 = d_h1 * (1 - h1 ** 2)", "wrong derivative")],
    [("d_z1 = d_h1 * h1 * (1 - h1)", "d_z1 = d_h1 * z1 * (1 - z1)", "derivative at the input")],
    [("db1 = d_z1.sum(axis=0, keepdims=True)", "db1 = d_h1.sum(axis=0, keepdims=True)", "missing derivative")],
    [("np.where(r > 0, -quantile, 1 - quantile)", "np.where(r > 0, quantile, quantile - 1)", "sign")],
    [
        ("1 - quantile) / len(y)", "1 - quantile)", "missing mean"),
        ("d_z1 = d_h1 * h1 * (1 - h1)", "d_z1 = d_h1", "missing derivative"),
    ],
)
