"""A script: gradients of four small batches are added up, then there is one update."""

import numpy as np

generator = np.random.default_rng(77)
X = generator.normal(size=(16, 3))
Y = X @ generator.normal(size=(3, 2)) + 0.1 * generator.normal(size=(16, 2))
A = 0.5 * generator.normal(size=(3, 4))
B = 0.5 * generator.normal(size=(4, 2))
grad_A, grad_B = np.zeros(A.shape), np.zeros(B.shape)
learning_rate, every = 0.1, 4
counter = 0

for epoch in range(20):
    for micro in range(4):
        x, y = X[4 * micro : 4 * micro + 4], Y[4 * micro : 4 * micro + 4]
        u = x @ A
        h = u / (1 + np.exp(-u))
        loss = ((h @ B - y) ** 2).sum(axis=1).mean()
        d = 2 * (h @ B - y) / len(x)
        sigma = 1 / (1 + np.exp(-u))
        grad_B += h.T @ d / every
        grad_A += x.T @ ((d @ B.T) * (sigma + u * sigma * (1 - sigma))) / every
        counter += 1
        if counter % every == 0:
            A -= learning_rate * grad_A
            B -= learning_rate * grad_B
            grad_A, grad_B = np.zeros(A.shape), np.zeros(B.shape)

FAULTS = (
    [("(sigma + u * sigma * (1 - sigma))", "sigma", "wrong derivative")],
    [("d = 2 * (h @ B - y) / len(x)", "d = (h @ B - y) / len(x)", "factor")],
    [("d = 2 * (h @ B - y) / len(x)", "d = 2 * (y - h @ B) / len(x)", "sign")],
)
