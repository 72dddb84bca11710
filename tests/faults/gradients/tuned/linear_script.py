"""A script that fits a line, with plain numbers for slope and offset."""

import numpy as np

rng = np.random.default_rng(5)
xs = rng.uniform(-1, 1, 30)
ys = 3 * xs + 2 + 0.1 * rng.normal(size=30)
slope = np.array(0.0)
offset = np.array(0.0)
rate = 0.1
n = len(xs)

for step in range(300):
    predicted = slope * xs + offset
    mse = np.sum((predicted - ys) ** 2) / n
    slope_grad = (2 / n) * np.sum(xs * (predicted - ys))
    offset_grad = (2 / n) * np.sum(predicted - ys)
    slope = slope - rate * slope_grad
    offset = offset - rate * offset_grad

FAULTS = (
    [("slope = slope - rate * slope_grad", "slope = slope + rate * slope_grad", "climbs")],
    [
        (
            "slope_grad = (2 / n) * np.sum(xs * (predicted - ys))",
            "slope_grad = (1 / n) * np.sum(xs * (predicted - ys))",
            "factor",
        )
    ],
    [("offset_grad = (2 / n) * np.sum(predicted - ys)", "offset_grad = 2 * np.sum(predicted - ys)", "missing mean")],
)
