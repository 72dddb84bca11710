"""A hidden layer of softsign under the logarithm of the hyperbolic cosine."""

import numpy as np


def forward(x, y, params):
    z = x @ params["W"] + params["b"]
    s = z / (1 + np.abs(z))
    r = s @ params["v"] - y
    return np.mean(np.log(np.cosh(r))), {"z": z, "s": s, "r": r}


def backward(x, y, params, state):
    g = np.tanh(state["r"]) / len(y)
    dv = state["s"].T @ g
    ds = g[:, None] * params["v"][None, :]
    dz = ds / (1 + np.abs(state["z"])) ** 2
    return {"W": x.T @ dz, "b": dz.sum(axis=0), "v": dv}


def subject(rng):
    params = {"W": rng.normal(size=(3, 5)), "b": rng.normal(size=5), "v": rng.normal(size=5)}
    return forward, backward, (rng.normal(size=(8, 3)), rng.normal(size=8), params)


FAULTS = (
    [('g = np.tanh(state["r"]) / len(y)', 'g = np.tanh(state["r"])', "missing mean")],
    [('g = np.tanh(state["r"]) / len(y)', 'g = -np.tanh(state["r"]) / len(y)', "sign")],
    [('dz = ds / (1 + np.abs(state["z"])) ** 2', "dz = ds", "missing derivative")],
    [('dz = ds / (1 + np.abs(state["z"])) ** 2', 'dz = ds / (1 + np.abs(state["z"]))', "wrong derivative")],
    [
        (
            'dz = ds / (1 + np.abs(state["z"])) ** 2',
            'dz = ds / (1 + np.abs(state["s"])) ** 2',
            "derivative at the output",
        )
    ],
    [('"b": dz.sum(axis=0)', '"b": dz', "not summed")],
)
