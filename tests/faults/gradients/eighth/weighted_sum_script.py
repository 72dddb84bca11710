"""A loss that is a sum, learned by plain loops over features and samples, as in a first week of machine learning."""

import numpy as np

x = np.array([[0.5, -1.2, 0.3], [1.1, 0.4, -0.7], [-0.6, 0.9, 1.4], [0.2, -0.3, 0.8], [1.5, 1.0, -1.1]])
t = np.array([1.0, 0.2, -0.5, 0.7, 1.9])
w = np.array([0.1, -0.4, 0.6])
b = np.array([0.05])
step_size = 0.01

for epoch in range(30):
    z = x @ w + b
    out = z / (1 + np.abs(z))  # softsign
    J = np.sum(0.5 * (out - t) ** 2)
    grad_w = np.zeros(3)
    grad_b = np.zeros(1)
    for k in range(len(t)):
        delta = (out[k] - t[k]) / (1 + np.abs(z[k])) ** 2
        grad_w += delta * x[k]
        grad_b += delta
    w = w - step_size * grad_w
    b = b - step_size * grad_b

print(J)

FAULTS = (
    [
        (
            "delta = (out[k] - t[k]) / (1 + np.abs(z[k])) ** 2",
            "delta = (out[k] - t[k]) / (1 + np.abs(out[k])) ** 2",
            "derivative at the output",
        )
    ],
    [
        (
            "delta = (out[k] - t[k]) / (1 + np.abs(z[k])) ** 2",
            "delta = 2 * (out[k] - t[k]) / (1 + np.abs(z[k])) ** 2",
            "factor",
        )
    ],
    [
        ("        grad_w += delta * x[k]\n", "        grad_w += delta * x[k] / len(t)\n", "extra mean"),
        ("b = b - step_size * grad_b", "b = b + step_size * grad_b", "climbs"),
    ],
    [
        ("/ (1 + np.abs(z[k])) ** 2", "/ (1 + np.abs(out[k])) ** 2", "derivative at the output"),
        ("grad_b += delta\n", "grad_b += delta / len(t)\n", "extra mean"),
    ],
)
