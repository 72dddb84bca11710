"""A line through points: the areas are kept as a column, the prices as a flat array."""

import numpy as np

rng = np.random.RandomState(5)
table = rng.uniform(0, 1, size=(8, 2))
area = table[:, :1]
price = 3 * table[:, 0] + 1 + 0.2 * rng.randn(8)

slope = rng.randn(1, 1)
offset = rng.randn(1)
alpha = 0.1

for iteration in range(200):
    predicted = area @ slope + offset
    loss = np.mean((predicted[:, 0] - price) ** 2)
    difference = predicted - price[:, None]
    d_slope = 2 * np.mean(difference * area)
    d_offset = 2 * np.mean(difference)
    slope = slope - alpha * d_slope
    offset = offset - alpha * d_offset

print("slope", slope, "offset", offset, "loss", loss)

FAULTS = (
    [("difference = predicted - price[:, None]", "difference = predicted - price", "broadcast")],
    [("d_slope = 2 * np.mean(difference * area)", "d_slope = 2 * np.sum(difference * area)", "missing mean")],
    [
        ("difference = predicted - price[:, None]", "difference = predicted - price", "broadcast"),
        ("offset = offset - alpha * d_offset", "offset = offset + alpha * d_offset", "climbs"),
    ],
)
