"""Exclusive or, in the shortest net that learns it."""

import numpy as np


def nonlin(x, deriv=False):
    if deriv:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))


X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
y = np.array([[0, 1, 1, 0]], dtype=float).T
np.random.seed(1)
syn0 = 2 * np.random.random((3, 5)) - 1
syn1 = 2 * np.random.random((5, 1)) - 1

for j in range(12):
    l0 = X
    l1_in = np.dot(l0, syn0)
    l1 = nonlin(l1_in)
    l2 = nonlin(np.dot(l1, syn1))

    l2_error = y - l2
    loss = 0.5 * np.sum(l2_error**2)
    if j % 4 == 0:
        print("Error:", loss)

    l2_delta = l2_error * nonlin(l2, deriv=True)
    l1_error = l2_delta.dot(syn1.T)
    l1_delta = l1_error * nonlin(l1, deriv=True)

    syn1 += l1.T.dot(l2_delta)
    syn0 += l0.T.dot(l1_delta)

FAULTS = (
    [
        (
            "l1_delta = l1_error * nonlin(l1, deriv=True)",
            "l1_delta = l1_error * nonlin(l1_in, deriv=True)",
            "derivative at the input",
        )
    ],
    [("syn0 += l0.T.dot(l1_delta)", "syn0 -= l0.T.dot(l1_delta)", "climbs")],
    [("l2_delta = l2_error * nonlin(l2, deriv=True)", "l2_delta = l2_error", "missing derivative")],
    [
        (
            "    l2_delta = l2_error * nonlin(l2, deriv=True)\n    l1_error = l2_delta.dot(syn1.T)\n",
            "    l2_delta = l2_error * nonlin(l2, deriv=True)\n    syn1 += l1.T.dot(l2_delta)\n    l1_error = l2_delta.dot(syn1.T)\n",
            "stale weights",
        ),
        ("    syn1 += l1.T.dot(l2_delta)\n    syn0 +=", "    syn0 +="),
    ],
)
