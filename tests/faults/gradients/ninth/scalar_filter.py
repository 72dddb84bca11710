"""A steady-state filter in one dimension: the level is predicted, corrected by a gain, and scored by its innovations."""

import numpy as np


def run_filter(y, a, gain, level0):
    """y: (T,); the decay a, the gain in logits, and the first level are learned."""
    k = 1 / (1 + np.exp(-gain))
    level = level0
    predictions, innovations, levels = [], [], []
    for t in range(len(y)):
        levels.append(level)
        prediction = a * level
        innovation = y[t] - prediction
        level = prediction + k * innovation
        predictions.append(prediction)
        innovations.append(innovation)
    loss = 0.5 * np.mean(np.array(innovations) ** 2)
    return loss, k, predictions, innovations, levels


def run_filter_backward(y, a, k, predictions, innovations, levels):
    T = len(y)
    d_a, d_k, d_level = 0.0, 0.0, 0.0
    for t in reversed(range(T)):
        d_prediction = d_level
        d_k += d_level * innovations[t]
        d_innovation = d_level * k + innovations[t] / T
        d_prediction = d_prediction - d_innovation
        d_a += d_prediction * levels[t]
        d_level = d_prediction * a
    d_gain = d_k * k * (1 - k)
    return {"a": d_a, "gain": d_gain, "level0": d_level}


def subject(rng):
    return run_filter, run_filter_backward, (np.cumsum(rng.normal(size=7)), np.array(0.8), np.array(0.3), np.array(1.2))


FAULTS = (
    [("d_prediction = d_prediction - d_innovation", "d_prediction = d_prediction + d_innovation", "sign")],
    [("d_innovation = d_level * k + innovations[t] / T", "d_innovation = innovations[t] / T", "missing path")],
    [
        ("d_gain = d_k * k * (1 - k)", "d_gain = d_k", "missing derivative"),
        ("d_a += d_prediction * levels[t]", "d_a += d_prediction * predictions[t]", "wrong value"),
    ],
)
