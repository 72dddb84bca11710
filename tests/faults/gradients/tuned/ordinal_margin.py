"""A squared hinge on labels −1 and 1, in plain loops over the features."""

import numpy as np


def objective(weights, bias, points, labels):
    margins = 1 - labels * (points @ weights + bias)
    return np.mean(np.maximum(margins, 0) ** 2) + 0.05 * weights @ weights


def slopes(weights, bias, points, labels):
    margins = 1 - labels * (points @ weights + bias)
    active = np.maximum(margins, 0)
    per_sample = -2 * active * labels / len(labels)
    g = np.zeros(len(weights))
    for j in range(len(weights)):
        g[j] = np.sum(per_sample * points[:, j]) + 0.1 * weights[j]
    return g, np.sum(per_sample)


def subject(rng):
    labels = np.where(rng.random(9) > 0.5, 1.0, -1.0)
    return objective, slopes, (rng.normal(size=4), 0.2, rng.normal(size=(9, 4)), labels)


FAULTS = (
    [("per_sample = -2 * active * labels / len(labels)", "per_sample = 2 * active * labels / len(labels)", "sign")],
    [("per_sample = -2 * active * labels / len(labels)", "per_sample = -active * labels / len(labels)", "factor")],
    [("per_sample = -2 * active * labels / len(labels)", "per_sample = -2 * active * labels", "missing mean")],
    [
        (
            "per_sample = -2 * active * labels / len(labels)",
            "per_sample = -2 * active / len(labels)",
            "missing derivative",
        )
    ],
    [(" + 0.1 * weights[j]", "", "missing path")],
)
