"""Logistic regression on two blobs, trained by Adam written out by hand."""

import numpy as np

rng = np.random.default_rng(7)
X = np.vstack([rng.normal(-0.5, 1, size=(4, 3)), rng.normal(0.5, 1, size=(5, 3))])
y = np.array([0.0] * 4 + [1.0] * 5)
N = X.shape[0]

params = rng.normal(size=3)
bias = 0.3
m_w, v_w, m_b, v_b = np.zeros(3), np.zeros(3), 0.0, 0.0
beta1, beta2, eps, learning_rate, lam = 0.9, 0.999, 1e-8, 0.01, 0.2

for t in range(1, 31):
    z = X @ params + bias
    p = 1 / (1 + np.exp(-z))
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) + lam / 2 * np.sum(params**2)

    grad_w = X.T @ (p - y) / N + lam * params
    grad_b = np.sum(p - y) / N

    m_w = beta1 * m_w + (1 - beta1) * grad_w
    v_w = beta2 * v_w + (1 - beta2) * grad_w**2
    m_b = beta1 * m_b + (1 - beta1) * grad_b
    v_b = beta2 * v_b + (1 - beta2) * grad_b**2
    params -= learning_rate * (m_w / (1 - beta1**t)) / (np.sqrt(v_w / (1 - beta2**t)) + eps)
    bias -= learning_rate * (m_b / (1 - beta1**t)) / (np.sqrt(v_b / (1 - beta2**t)) + eps)

print(loss)

FAULTS = (
    [("grad_w = X.T @ (p - y) / N + lam * params", "grad_w = X.T @ (p - y) / N", "missing path")],
    [("grad_w = X.T @ (p - y) / N + lam * params", "grad_w = X.T @ (y - p) / N + lam * params", "sign")],
    [
        ("grad_w = X.T @ (p - y) / N + lam * params", "grad_w = X.T @ (p - y) / N + lam / 2 * params", "factor"),
        ("bias -= learning_rate", "bias += learning_rate", "climbs"),
    ],
    [
        ("grad_b = np.sum(p - y) / N", "grad_b = np.sum(p - y) / N + lam * bias", "extra path"),
    ],
)
