"""A script with all of the derivation in the lines of the update, in numbers: the rate, the 2 and the 1/n are one factor."""

import numpy as np

x = np.linspace(-1, 1, 15)
y = 0.5 * x**2 - x + 0.25
a, b, c = 0.1, 0.1, 0.1
for k in range(1000):
    e = a * x**2 + b * x + c - y
    if k % 100 == 0:
        print("MSE:", (e**2).mean())
    mse = (e**2).mean()
    a = a - 0.3 * np.mean(e * x**2)
    b = b - 0.3 * np.mean(e * x)
    c = c - 0.3 * np.mean(e)

FAULTS = (
    [("c = c - 0.3 * np.mean(e)", "c = c - 0.3 * np.sum(e)", "missing mean")],
    [("b = b - 0.3 * np.mean(e * x)", "b = b + 0.3 * np.mean(e * x)", "climbs")],
    [("a = a - 0.3 * np.mean(e * x**2)", "a = a - 0.3 * np.mean(e * x)", "wrong value")],
)
