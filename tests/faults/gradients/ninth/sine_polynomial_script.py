"""A cubic polynomial fitted to the sine, one number per coefficient."""

import math

import numpy as np

x = np.linspace(-math.pi / 2, math.pi / 2, 11)
y = np.sin(x) + 0.3

a, b, c, d = 0.4, -0.2, 0.5, 0.1
learning_rate = 2e-3

for t in range(100):
    y_pred = a + b * x + c * x**2 + d * x**3
    loss = np.square(y_pred - y).sum()
    if t % 20 == 19:
        print(t, loss)

    grad_y_pred = 2.0 * (y_pred - y)
    grad_a = grad_y_pred.sum()
    grad_b = (grad_y_pred * x).sum()
    grad_c = (grad_y_pred * x**2).sum()
    grad_d = (grad_y_pred * x**3).sum()

    a -= learning_rate * grad_a
    b -= learning_rate * grad_b
    c -= learning_rate * grad_c
    d -= learning_rate * grad_d

print(f"Result: y = {a} + {b} x + {c} x^2 + {d} x^3")

FAULTS = (
    [("grad_a = grad_y_pred.sum()", "grad_a = grad_y_pred.mean()", "extra mean")],
    [("c -= learning_rate * grad_c", "c += learning_rate * grad_c", "climbs")],
    [
        ("grad_y_pred = 2.0 * (y_pred - y)", "grad_y_pred = y_pred - y", "factor"),
        ("grad_d = (grad_y_pred * x**3).sum()", "grad_d = (grad_y_pred * x**3).mean()", "extra mean"),
    ],
)
