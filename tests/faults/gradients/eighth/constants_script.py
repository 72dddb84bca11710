"""Gradient descent for a straight fit, with all the constants multiplied into the step."""

import numpy as np

rng = np.random.default_rng(3)
n, d = 9, 4
features = rng.normal(size=(n, d))
prices = features @ np.array([1.0, -2.0, 0.5, 3.0]) + 4 + 0.1 * rng.normal(size=n)

theta = rng.normal(size=d)
intercept = np.zeros(1)
lr = 0.1

for step in range(50):
    guess = features @ theta + intercept
    error = guess - prices
    mse = np.mean(error**2)
    theta -= lr * 2 / n * (features.T @ error)
    intercept -= lr * 2 / n * np.sum(error)
    if step % 10 == 0:
        print(f"step {step}: {mse:.4f}")

FAULTS = (
    [("theta -= lr * 2 / n * (features.T @ error)", "theta += lr * 2 / n * (features.T @ error)", "climbs")],
    [("intercept -= lr * 2 / n * np.sum(error)", "intercept -= lr * 2 / n * np.mean(error)", "extra mean")],
    [
        ("theta -= lr * 2 / n * (features.T @ error)", "theta -= lr * 2 * (features.T @ error)", "missing mean"),
        ("intercept -= lr * 2 / n * np.sum(error)", "intercept -= lr / n * np.sum(error)", "factor"),
    ],
    [
        ("theta -= lr * 2 / n", "theta += lr * 2 / n", "climbs"),
        ("intercept -= lr * 2 / n * np.sum(error)", "intercept -= lr * 2 / n * np.mean(error)", "extra mean"),
    ],
)
