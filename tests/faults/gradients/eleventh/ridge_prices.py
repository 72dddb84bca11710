"""Ridge regression of flat prices by batch gradient descent, the cost in a function."""

import numpy as np

rng = np.random.RandomState(3)
m = 40
size = rng.uniform(50, 250, m)
rooms = rng.randint(1, 7, m)
age = rng.uniform(0, 60, m)
price = 30 + 0.9 * size + 12 * rooms - 0.5 * age + rng.normal(0, 8, m)

X = np.c_[size, rooms, age]
X = (X - X.mean(axis=0)) / X.std(axis=0)
y = price.reshape(m, 1) / 100
lam = 2.0


def cost_function(w, b):
    h = X @ w + b
    return (np.sum((h - y) ** 2) + lam * np.sum(w**2)) / (2 * m)


def gradient_descent(w, b, alpha, n_iters):
    J_history = []
    for i in range(n_iters):
        J_history.append(cost_function(w, b))
        error = X @ w + b - y
        grad_w = X.T @ error / m
        grad_w = grad_w + lam / m * w
        grad_b = np.sum(error) / m
        w = w - alpha * grad_w
        b = b - alpha * grad_b
    return w, b, J_history


w, b, J_history = gradient_descent(rng.randn(3, 1), 0.5, 0.1, 40)
print("w =", w.ravel(), "b =", b)
print("cost", J_history[0], "->", J_history[-1])

FAULTS = (
    [("error = X @ w + b - y", "error = X @ w + b - y.ravel()", "broadcast")],
    [("grad_b = np.sum(error) / m", "grad_b = np.sum(error) / m + lam / m * b", "extra path")],
    [("grad_b = np.sum(error) / m", "grad_b = np.sum(error)", "missing mean")],
    [("grad_w = grad_w + lam / m * w", "grad_w = grad_w + 2 * lam / m * w", "factor")],
    [
        ("error = X @ w + b - y", "error = y - (X @ w + b)", "sign"),
        ("grad_b = np.sum(error) / m", "grad_b = np.mean(error) / m", "extra mean"),
    ],
)
