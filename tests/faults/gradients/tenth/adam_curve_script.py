"""Fitting a curve with Adam; parameters, gradients and moments in dictionaries."""

import numpy as np

np.random.seed(0)
x = np.linspace(-1, 1, 16).reshape(-1, 1)
y = np.sin(3 * x)
params = {
    "W1": np.random.randn(1, 6),
    "b1": 0.1 * np.random.randn(6),
    "W2": np.random.randn(6, 1),
    "b2": np.zeros(1),
}
m = {k: np.zeros_like(v) for k, v in params.items()}
v = {k: np.zeros_like(p) for k, p in params.items()}
learning_rate, beta1, beta2, eps = 0.02, 0.9, 0.999, 1e-8

losses = []
for t in range(1, 31):
    # forward
    hidden = np.tanh(x @ params["W1"] + params["b1"])
    y_pred = hidden @ params["W2"] + params["b2"]
    loss = np.mean((y_pred - y) ** 2)
    losses.append(loss)
    # backward
    grads = {}
    dy = 2 * (y_pred - y) / len(x)
    grads["W2"] = hidden.T @ dy
    grads["b2"] = dy.sum(axis=0)
    dhidden = dy @ params["W2"].T
    dpre = dhidden * (1 - hidden**2)
    grads["W1"] = x.T @ dpre
    grads["b1"] = dpre.sum(axis=0)
    # Adam
    for k in params:
        m[k] = beta1 * m[k] + (1 - beta1) * grads[k]
        v[k] = beta2 * v[k] + (1 - beta2) * grads[k] ** 2
        m_hat = m[k] / (1 - beta1**t)
        v_hat = v[k] / (1 - beta2**t)
        params[k] = params[k] - learning_rate * m_hat / (np.sqrt(v_hat) + eps)

FAULTS = (
    [("dpre = dhidden * (1 - hidden**2)", "dpre = dhidden * hidden * (1 - hidden)", "wrong derivative")],
    [("params[k] = params[k] - learning_rate", "params[k] = params[k] + learning_rate", "climbs")],
    [("dpre = dhidden * (1 - hidden**2)", "dpre = dhidden * (1 - np.tanh(hidden) ** 2)", "derivative at the output")],
    [
        ("dy = 2 * (y_pred - y) / len(x)", "dy = 2 * (y - y_pred) / len(x)", "sign"),
        ('grads["b1"] = dpre.sum(axis=0)', 'grads["b1"] = dpre.mean(axis=0)', "extra mean"),
    ],
)
