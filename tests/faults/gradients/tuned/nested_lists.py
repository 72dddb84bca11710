"""A net of any depth in lists of pairs, with updates by name."""

import numpy as np


def logistic(v):
    return 1 / (1 + np.exp(-v))


def feed(layers, batch, goal):
    values = [batch]
    for weight, shift in layers:
        values.append(logistic(values[-1] @ weight + shift))
    return 0.5 * np.sum((values[-1] - goal) ** 2), values


def back(layers, goal, values):
    grads = []
    slope = values[-1] - goal
    for (weight, _), before, after in zip(reversed(layers), reversed(values[:-1]), reversed(values[1:])):
        slope = slope * after * (1 - after)
        grads.insert(0, (before.T @ slope, slope.sum(axis=0)))
        slope = slope @ weight.T
    return {"layers": grads}


def subject(rng):
    sizes = [3, 4, 5, 2]
    layers = [(rng.normal(size=(a, b)), rng.normal(size=b)) for a, b in zip(sizes, sizes[1:])]
    return feed, back, (layers, rng.normal(size=(6, 3)), rng.random((6, 2)))


FAULTS = (
    [("slope = values[-1] - goal", "slope = goal - values[-1]", "sign")],
    [("slope = slope * after * (1 - after)", "slope = slope * (1 - after)", "wrong derivative")],
    [("slope = slope * after * (1 - after)", "slope = slope * after * (1 - after) * 2", "factor")],
    [("slope.sum(axis=0)))", "slope.mean(axis=0)))", "extra mean")],
)
