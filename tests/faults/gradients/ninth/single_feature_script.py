"""Linear regression with one feature, slope and intercept as plain numbers, as in a first lecture."""

import numpy as np

rng = np.random.default_rng(42)
hours = rng.uniform(0, 3, size=7)
scores = 1.8 * hours + 0.7 + 0.1 * rng.normal(size=7)

slope, intercept = 0.0, 0.0
learning_rate = 0.02
history = []

for step in range(100):
    predicted = slope * hours + intercept
    residual = scores - predicted
    mse = np.mean(residual**2)
    history.append(mse)

    slope_gradient = -2 * np.mean(hours * residual)
    intercept_gradient = -2 * np.mean(residual)

    slope = slope - learning_rate * slope_gradient
    intercept = intercept - learning_rate * intercept_gradient

print(f"y = {slope:.2f} x + {intercept:.2f}, mse {history[-1]:.4f}")

FAULTS = (
    [
        (
            "slope_gradient = -2 * np.mean(hours * residual)",
            "slope_gradient = -2 * np.sum(hours * residual)",
            "missing mean",
        )
    ],
    [("intercept_gradient = -2 * np.mean(residual)", "intercept_gradient = 2 * np.mean(residual)", "sign")],
    [
        (
            "slope_gradient = -2 * np.mean(hours * residual)",
            "slope_gradient = -2 * np.mean(hours[:, None] * residual)",
            "broadcast",
        ),
    ],
    [
        ("intercept_gradient = -2 * np.mean(residual)", "intercept_gradient = -np.mean(residual)", "factor"),
        (
            "slope_gradient = -2 * np.mean(hours * residual)",
            "slope_gradient = -2 * np.sum(hours * residual)",
            "missing mean",
        ),
    ],
)
