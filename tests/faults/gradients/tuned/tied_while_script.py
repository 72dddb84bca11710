"""A script: an autoencoder with one matrix for both halves, until the cost hardly moves; the update writes in place."""

import numpy as np

random = np.random.default_rng(99)
x = random.normal(size=(12, 5))
W = random.normal(size=(5, 2)) * 0.5
b_hidden, b_out = np.zeros(2), np.zeros(5)
previous_cost, cost = np.inf, 1e9
rate = 0.05
turns = 0
while abs(previous_cost - cost) > 1e-6 and turns < 200:
    code = np.arctan(x @ W + b_hidden)
    rebuilt = code @ W.T + b_out
    previous_cost, cost = cost, np.sum((rebuilt - x) ** 2) / len(x)
    d_rebuilt = 2 * (rebuilt - x) / len(x)
    d_code = d_rebuilt @ W
    d_pre = d_code / (1 + (x @ W + b_hidden) ** 2)
    gradient_W = x.T @ d_pre + d_rebuilt.T @ code
    W[:] = W - rate * gradient_W
    np.subtract(b_hidden, rate * d_pre.sum(0), out=b_hidden)
    b_out[...] -= rate * d_rebuilt.sum(0)
    turns += 1

FAULTS = (
    [("gradient_W = x.T @ d_pre + d_rebuilt.T @ code", "gradient_W = x.T @ d_pre", "missing path")],
    [("d_pre = d_code / (1 + (x @ W + b_hidden) ** 2)", "d_pre = d_code / (1 + code**2)", "derivative at the output")],
    [("np.subtract(b_hidden, rate", "np.add(b_hidden, rate", "climbs")],
    [("d_rebuilt = 2 * (rebuilt - x) / len(x)", "d_rebuilt = 2 * (rebuilt - x)", "missing mean")],
)
