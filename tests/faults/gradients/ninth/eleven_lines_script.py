"""The famous network in a few lines: two sigmoid layers, errors as target minus output, weights that are added to."""

import numpy as np


def nonlin(x, deriv=False):
    if deriv:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))


X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1], [0, 1, 0], [1, 0.5, 0.2], [0.3, 0.8, 1]])
y = np.array([[0, 1, 1, 0, 1, 0, 1]]).T

np.random.seed(1)

# initialize weights randomly with mean 0
syn0 = 2 * np.random.random((3, 5)) - 1
syn1 = 2 * np.random.random((5, 1)) - 1
alpha = 0.2

for j in range(20):
    # feed forward through layers 0, 1, and 2
    l0 = X
    l1 = nonlin(np.dot(l0, syn0))
    l2 = nonlin(np.dot(l1, syn1))
    loss = 0.5 * np.sum((y - l2) ** 2)

    # how much did we miss the target value?
    l2_error = y - l2
    l2_delta = l2_error * nonlin(l2, deriv=True)

    # how much did each l1 value contribute to the l2 error?
    l1_error = l2_delta.dot(syn1.T)
    l1_delta = l1_error * nonlin(l1, deriv=True)

    syn1 += alpha * l1.T.dot(l2_delta)
    syn0 += alpha * l0.T.dot(l1_delta)

    if j % 5 == 0:
        print("Error:", np.mean(np.abs(l2_error)))

FAULTS = (
    [("l1_error = l2_delta.dot(syn1.T)", "l1_error = l2_error.dot(syn1.T)", "missing derivative")],
    [
        (
            "    l1_delta = l1_error * nonlin(l1, deriv=True)\n\n    syn1 += alpha * l1.T.dot(l2_delta)\n",
            "    syn1 += alpha * l1.T.dot(l2_delta)\n    l1_error = l2_delta.dot(syn1.T)\n    l1_delta = l1_error * nonlin(l1, deriv=True)\n\n",
            "stale weights",
        ),
    ],
    [
        (
            "l1_delta = l1_error * nonlin(l1, deriv=True)",
            "l1_delta = l1_error * nonlin(l0.dot(syn0), deriv=True)",
            "derivative at the input",
        )
    ],
    [
        ("l2_error = y - l2", "l2_error = 2 * (y - l2)", "factor"),
        ("l1_delta = l1_error * nonlin(l1, deriv=True)", "l1_delta = l1_error", "missing derivative"),
    ],
)
