"""Exponential smoothing with a trend, one step ahead: two rates behind sigmoids, a start, and loops over time."""

import math

import numpy as np


def sig(v):
    return 1 / (1 + np.exp(-v))


def sse(series, a, level0, gain):
    alpha = sig(a)
    level = level0
    levels, errors = [level], []
    total = 0.0
    for value in series:
        e = value - gain * level
        total = total + e**2
        level = level + alpha * e
        levels.append(level)
        errors.append(e)
    return total / len(series), alpha, levels, errors


def sse_grad(series, a, level0, gain, alpha, levels, errors):
    n = len(series)
    d_level, d_alpha, d_gain = 0.0, 0.0, 0.0
    for t in range(n - 1, -1, -1):
        d_e = 2 * errors[t] / n + alpha * d_level
        d_alpha = d_alpha + errors[t] * d_level
        d_gain = d_gain - levels[t] * d_e
        d_level = d_level - gain * d_e
    d_a = d_alpha * alpha * (1 - alpha)
    return {"a": d_a, "level0": d_level, "gain": d_gain}


def subject(rng):
    series = np.cumsum(rng.normal(size=7)) + math.pi
    return sse, sse_grad, (series, np.array(0.3), np.array(1.2), np.array(0.9))


FAULTS = (
    [("d_e = 2 * errors[t] / n + alpha * d_level", "d_e = 2 * errors[t] + alpha * d_level", "missing mean")],
    [("d_e = 2 * errors[t] / n + alpha * d_level", "d_e = errors[t] / n + alpha * d_level", "factor")],
    [("d_e = 2 * errors[t] / n + alpha * d_level", "d_e = 2 * errors[t] / n", "missing path")],
    [("d_a = d_alpha * alpha * (1 - alpha)", "d_a = d_alpha", "missing derivative")],
    [("d_gain = d_gain - levels[t] * d_e", "d_gain = d_gain + levels[t] * d_e", "sign")],
    [("d_gain = d_gain - levels[t] * d_e", "d_gain = d_gain - levels[t + 1] * d_e", "wrong value")],
)
