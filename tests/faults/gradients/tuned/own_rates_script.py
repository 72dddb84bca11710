"""A script: maximum likelihood of a normal distribution in a model of its mean, two learning rates, plain numbers."""

from math import pi

import numpy as np
from numpy import exp, log

rng = np.random.default_rng(10)
hours = rng.uniform(0, 4, size=25)
grade = 1.5 * hours + 2 + rng.normal(size=25) * 0.8

slope, intercept, log_sigma = 0.5, 0.0, 0.2
lr_mean, lr_spread = 1e-2, 1e-3

for step in range(500):
    mean = slope * hours + intercept
    sigma = exp(log_sigma)
    u = (grade - mean) / sigma
    nll = np.sum(0.5 * u**2) + len(hours) * log_sigma + 0.5 * len(hours) * log(2 * pi)
    slope -= lr_mean * -np.sum(u * hours) / sigma
    intercept -= lr_mean * -np.sum(u) / sigma
    log_sigma -= lr_spread * (len(hours) - np.sum(u**2))

FAULTS = (
    [("(len(hours) - np.sum(u**2))", "(np.sum(u**2) - len(hours))", "sign")],
    [("slope -= lr_mean * -np.sum(u * hours) / sigma", "slope -= lr_mean * -np.sum(u * hours)", "missing derivative")],
    [("(len(hours) - np.sum(u**2))", "(len(hours) - 2 * np.sum(u**2))", "factor")],
)
