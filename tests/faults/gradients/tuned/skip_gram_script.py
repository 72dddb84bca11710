"""A script: word vectors from a few pairs, rows looked up and written back with np.add.at."""

import numpy as np

rng = np.random.default_rng(0)
words, size = 7, 3
E = rng.normal(size=(words, size)) * 0.6
O = rng.normal(size=(size, words)) * 0.6
centre = np.array([0, 1, 2, 2, 5, 6, 0])
context = np.array([1, 2, 1, 3, 6, 5, 4])
lr = 0.2

for sweep in range(40):
    v = E[centre]
    scores = v @ O
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    cross_entropy = -np.mean(np.log(p[np.arange(len(context)), context]))
    delta = (p - np.eye(words)[context]) / len(context)
    dO = v.T @ delta
    dv = delta @ O.T
    O -= lr * dO
    np.add.at(E, centre, -lr * dv)

FAULTS = (
    [("(p - np.eye(words)[context]) / len(context)", "(p - np.eye(words)[context])", "missing mean")],
    [("    dv = delta @ O.T\n    O -= lr * dO\n", "    O -= lr * dO\n    dv = delta @ O.T\n", "stale weights")],
    [("np.add.at(E, centre, -lr * dv)", "np.add.at(E, centre, lr * dv)", "climbs")],
)
