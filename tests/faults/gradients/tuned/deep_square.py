"""Four layers of one width in a list, so that a missing transpose fits."""

import numpy as np


def forward(x, t, weights):
    activations = [x]
    for W in weights:
        x = np.tanh(x @ W)
        activations.append(x)
    return 0.5 * np.mean((x - t) ** 2), activations


def backward(t, weights, activations):
    grads = [None] * len(weights)
    delta = (activations[-1] - t) / t.size
    for k in range(len(weights) - 1, -1, -1):
        delta = delta * (1 - activations[k + 1] ** 2)
        grads[k] = activations[k].T @ delta
        delta = delta @ weights[k].T
    return {"weights": grads}


def subject(rng):
    weights = [0.6 * rng.normal(size=(4, 4)) for _ in range(3)]
    return forward, backward, (rng.normal(size=(6, 4)), rng.normal(size=(6, 4)), weights)


FAULTS = (
    [("delta = delta @ weights[k].T", "delta = delta @ weights[k]", "transpose")],
    [("grads[k] = activations[k].T @ delta", "grads[k] = delta.T @ activations[k]", "transpose")],
    [("delta = (activations[-1] - t) / t.size", "delta = (activations[-1] - t) / len(t)", "missing mean")],
    [("delta = (activations[-1] - t) / t.size", "delta = (t - activations[-1]) / t.size", "sign")],
    [("grads[k] = activations[k].T @ delta", "grads[k] = activations[k].T @ delta * 2", "factor")],
)
