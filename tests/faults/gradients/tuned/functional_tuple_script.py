"""A script in a functional style: the parameters are a tuple, every step gives a new one."""

import numpy as np


def initial(key, width):
    source = np.random.default_rng(key)
    return (
        source.normal(0, 0.7, (3, width)),
        np.full((1, width), 0.01),
        source.normal(0, 0.7, (width, 1)),
        np.zeros((1, 1)),
    )


def softplus(x):
    return np.log(1 + np.exp(x))


def loss_and_gradients(theta, x, y):
    W, b, V, c = theta
    z = x @ W + b
    h = softplus(z)
    residual = h @ V + c - y
    objective = np.mean(np.sqrt(1 + residual**2) - 1)
    d_residual = residual / np.sqrt(1 + residual**2) / len(x)
    dV = h.T @ d_residual
    dc = d_residual.sum(0, keepdims=True)
    dz = d_residual @ V.T / (1 + np.exp(-z))
    return objective, (x.T @ dz, dz.sum(0, keepdims=True), dV, dc)


def descend(theta, gradients, rate):
    return tuple(p - rate * g for p, g in zip(theta, gradients))


features = np.random.default_rng(6).normal(size=(9, 3))
response = np.cos(features).sum(axis=1, keepdims=True)
theta = initial(1, 5)
for _ in range(100):
    value, gradients = loss_and_gradients(theta, features, response)
    theta = descend(theta, gradients, 0.1)
print(value)

FAULTS = (
    [("d_residual @ V.T / (1 + np.exp(-z))", "d_residual @ V.T / (1 + np.exp(-h))", "derivative at the output")],
    [("dz = d_residual @ V.T / (1 + np.exp(-z))", "dz = d_residual @ V.T", "missing derivative")],
    [("np.sqrt(1 + residual**2) / len(x)", "np.sqrt(1 + residual**2)", "missing mean")],
    [("dc = d_residual.sum(0, keepdims=True)", "dc = -d_residual.sum(0, keepdims=True)", "sign")],
)
