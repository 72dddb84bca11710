"""A script: ridge regression, Nesterov's momentum in the form of class notes, with the update on two lines."""

import numpy as np

r = np.random.RandomState(21)
X = r.randn(14, 4)
y = X.dot([2.0, 0.0, -1.0, 0.5]) + r.randn(14) * 0.2
w = r.randn(4)
b = r.randn(1)
v_w, v_b = np.zeros(4), np.zeros(1)
mu = 0.8
alpha = 0.03
lam = 0.5

for i in range(100):
    y_hat = X.dot(w) + b
    J = ((y_hat - y) ** 2).mean() / 2 + lam / 2 * w.dot(w)
    dw = X.T.dot(y_hat - y) / y.size + lam * w
    db = (y_hat - y).mean(keepdims=True)
    old_w, old_b = v_w, v_b
    v_w = mu * v_w - alpha * dw
    v_b = mu * v_b - alpha * db
    w = w - mu * old_w + (1 + mu) * v_w
    b = b - mu * old_b + (1 + mu) * v_b

FAULTS = (
    [("/ y.size + lam * w", "/ y.size", "missing path")],
    [("/ y.size + lam * w", "/ y.size + 2 * lam * w", "factor")],
    [("db = (y_hat - y).mean(keepdims=True)", "db = (y_hat - y).sum(keepdims=True)", "missing mean")],
    [("X.T.dot(y_hat - y)", "X.T.dot(y - y_hat)", "sign")],
)
