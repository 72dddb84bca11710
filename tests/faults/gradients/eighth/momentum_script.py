"""A notebook's training script: one hidden tanh layer, mean squared error, momentum by hand."""

import numpy as np

np.random.seed(1)
X = np.random.randn(7, 3)
y = np.sin(X[:, :1]) + 0.5 * X[:, 1:2] * X[:, 2:3]

W1 = np.random.randn(3, 5) * 0.6
b1 = np.zeros(5)
W2 = np.random.randn(5, 1) * 0.6
b2 = np.zeros(1)
vW1, vb1 = np.zeros_like(W1), np.zeros_like(b1)
vW2, vb2 = np.zeros_like(W2), np.zeros_like(b2)
lr = 0.05
mu = 0.9

for epoch in range(20):
    h = np.tanh(X @ W1 + b1)
    pred = h @ W2 + b2
    loss = np.mean((pred - y) ** 2)

    dpred = 2 * (pred - y) / len(X)
    dW2 = h.T @ dpred
    db2 = dpred.sum(axis=0)
    dh = dpred @ W2.T
    dz = dh * (1 - h**2)
    dW1 = X.T @ dz
    db1 = dz.sum(axis=0)

    vW2 = mu * vW2 - lr * dW2
    vb2 = mu * vb2 - lr * db2
    vW1 = mu * vW1 - lr * dW1
    vb1 = mu * vb1 - lr * db1
    W2 += vW2
    b2 += vb2
    W1 += vW1
    b1 += vb1
    if epoch % 10 == 0:
        print(epoch, loss)

FAULTS = (
    [("dz = dh * (1 - h**2)", "dz = dh * (1 - h) ** 2", "wrong derivative")],
    [("vW1 = mu * vW1 - lr * dW1", "vW1 = mu * vW1 + lr * dW1", "climbs")],
    [
        ("dW2 = h.T @ dpred", "dW2 = h.T @ dpred / len(X)", "extra mean"),
        ("dz = dh * (1 - h**2)", "dz = dh", "missing derivative"),
    ],
)
