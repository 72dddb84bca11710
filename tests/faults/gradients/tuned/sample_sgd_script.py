"""A neuron with two inputs in plain numbers, trained on one sample after the other."""

import math

import numpy as np

rng = np.random.default_rng(19)
points = rng.normal(size=(20, 2))
values = np.tanh(0.7 * points[:, 0] - 1.1 * points[:, 1] + 0.2)

w1 = 0.3
w2 = -0.2
bias = 0.1
eta = 0.05

for epoch in range(10):
    total_error = 0.0
    for n in range(len(points)):
        z = w1 * points[n, 0] + w2 * points[n, 1] + bias
        a = np.tanh(z)
        total_error += 0.5 * (a - values[n]) ** 2
        delta = (a - values[n]) * (1 - a**2)
        w1 = w1 - eta * delta * points[n, 0]
        w2 = w2 - eta * delta * points[n, 1]
        bias = bias - eta * delta
    print(epoch, math.sqrt(total_error))

FAULTS = (
    [("delta = (a - values[n]) * (1 - a**2)", "delta = (values[n] - a) * (1 - a**2)", "sign")],
    [("w2 = w2 - eta * delta", "w2 = w2 + eta * delta", "climbs")],
    [("delta = (a - values[n]) * (1 - a**2)", "delta = 2 * (a - values[n]) * (1 - a**2)", "factor")],
    [("w1 = w1 - eta * delta * points[n, 0]", "w1 = w1 - eta * delta * points[n, 1]", "wrong value")],
)
