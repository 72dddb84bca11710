"""A script: Poisson regression with weight decay that stands apart from the loss, and the intercept in the weights."""

import numpy as np

rng = np.random.default_rng(1234)
design = np.column_stack([np.ones(18), rng.normal(size=(18, 3))])
counts = rng.poisson(np.exp(design @ np.array([0.5, 0.3, -0.2, 0.1]))).astype(float)
beta = np.zeros(4) + 0.05
momentum = np.zeros(4)
gamma = 0.9
lr = 0.01
decay = 1e-3

while True:
    eta = design @ beta
    rate = np.exp(eta)
    nll = np.mean(rate - counts * eta)
    gradient = design.T @ (rate - counts) / len(counts)
    if np.linalg.norm(gradient) < 1e-4:
        break
    momentum = gamma * momentum + gradient
    beta = beta * (1 - lr * decay)
    beta = beta - lr * momentum

FAULTS = (
    [("design.T @ (rate - counts) / len(counts)", "design.T @ (rate - counts)", "missing mean")],
    [("design.T @ (rate - counts) / len(counts)", "design.T @ (eta - counts) / len(counts)", "wrong value")],
    [("beta = beta - lr * momentum", "beta = beta + lr * momentum", "climbs")],
)
