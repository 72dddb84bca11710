"""Three layers with relu, tanh and a softmax, parameters and gradients in dicts by number."""

import numpy as np


def forward(x, y, p):
    c = {}
    c["z1"] = x @ p["W1"] + p["b1"]
    c["h1"] = np.maximum(0.0, c["z1"])
    c["z2"] = c["h1"] @ p["W2"] + p["b2"]
    c["h2"] = np.tanh(c["z2"])
    c["z3"] = c["h2"] @ p["W3"] + p["b3"]
    e = np.exp(c["z3"] - c["z3"].max(axis=-1, keepdims=True))
    c["q"] = e / e.sum(axis=-1, keepdims=True)
    loss = -(y * np.log(c["q"])).sum(axis=-1).mean()
    return loss, c


def backward(x, y, p, c):
    g = {}
    d3 = (c["q"] - y) / y.shape[0]
    g["W3"] = c["h2"].T @ d3
    g["b3"] = d3.sum(axis=0)
    d2 = (d3 @ p["W3"].T) * (1 - c["h2"] ** 2)
    g["W2"] = c["h1"].T @ d2
    g["b2"] = d2.sum(axis=0)
    d1 = (d2 @ p["W2"].T) * (c["z1"] > 0)
    g["W1"] = x.T @ d1
    g["b1"] = d1.sum(axis=0)
    return g


def subject(rng):
    sizes = [4, 5, 5, 3]
    p = {}
    for n in (1, 2, 3):
        p[f"W{n}"] = rng.normal(size=(sizes[n - 1], sizes[n]))
        p[f"b{n}"] = 0.1 * rng.normal(size=sizes[n])
    return forward, backward, (rng.normal(size=(8, 4)), np.eye(3)[rng.integers(0, 3, 8)], p)


FAULTS = (
    [('d1 = (d2 @ p["W2"].T) * (c["z1"] > 0)', 'd1 = (d2 @ p["W2"]) * (c["z1"] > 0)', "transpose")],
    [('* (1 - c["h2"] ** 2)', '* (1 - c["z2"] ** 2)', "derivative at the input")],
    [('* (1 - c["h2"] ** 2)', '* (c["h2"] > 0)', "wrong derivative")],
    [('g["b2"] = d2.sum(axis=0)', 'g["b2"] = d2.sum(axis=1)', "wrong axis")],
    [('d3 = (c["q"] - y) / y.shape[0]', 'd3 = (y - c["q"]) / y.shape[0]', "sign")],
    [('g["W2"] = c["h1"].T @ d2', 'g["W2"] = c["h2"].T @ d2', "wrong value")],
    [
        ('* (c["z1"] > 0)', "", "missing derivative"),
        ('g["b3"] = d3.sum(axis=0)', 'g["b3"] = d3.mean(axis=0)', "extra mean"),
    ],
    [
        ('* (1 - c["h2"] ** 2)', '* (1 - c["h2"])', "wrong derivative"),
        ('d1 = (d2 @ p["W2"].T) * (c["z1"] > 0)', 'd1 = (d2 @ p["W2"]) * (c["z1"] > 0)', "transpose"),
    ],
    [
        ('d3 = (c["q"] - y) / y.shape[0]', 'd3 = c["q"] - y', "missing mean"),
        ('g["W1"] = x.T @ d1', 'g["W1"] = -x.T @ d1', "sign"),
    ],
)
