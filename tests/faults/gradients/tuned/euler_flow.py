"""A residual flow in small steps with shared weights, back through the steps, and a readout."""

import numpy as np


def flow(params, x, target, steps=4, h=0.25):
    W, b, R = params
    states, slopes = [x], []
    z = x
    for _ in range(steps):
        k = np.tanh(z @ W + b)
        z = z + h * k
        slopes.append(k)
        states.append(z)
    out = z @ R
    return ((out - target) ** 2).mean(), states, slopes, out


def flow_adjoint(params, x, target, states, slopes, out, h=0.25):
    W, b, R = params
    d_out = 2 * (out - target) / target.size
    dR = states[-1].T @ d_out
    dW, db = np.zeros_like(W), np.zeros_like(b)
    lam = d_out @ R.T
    for z, k in zip(reversed(states[:-1]), reversed(slopes)):
        g = h * lam * (1 - k**2)
        dW += z.T @ g
        db += g.sum(axis=0)
        lam = lam + g @ W.T
    return dW, db, dR


def subject(rng):
    params = [0.7 * rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(3, 2))]
    return (
        flow,
        flow_adjoint,
        (params, rng.normal(size=(5, 3)), rng.normal(size=(5, 2))),
        {"wrt": ["params.0", "params.1", "params.2"]},
    )


FAULTS = (
    [("lam = lam + g @ W.T", "lam = lam + g @ W", "transpose")],
    [("lam = lam + g @ W.T", "lam = g @ W.T", "missing path")],
    [("g = h * lam * (1 - k**2)", "g = lam * (1 - k**2)", "factor")],
    [("g = h * lam * (1 - k**2)", "g = h * lam", "missing derivative")],
    [("g = h * lam * (1 - k**2)", "g = h * lam * (1 - z**2)", "wrong value")],
    [("db += g.sum(axis=0)", "db += g.mean(axis=0)", "extra mean")],
    [("dR = states[-1].T @ d_out", "dR = states[-2].T @ d_out", "wrong value")],
    [
        ("d_out = 2 * (out - target) / target.size", "d_out = (out - target) / target.size", "factor"),
        ("lam = lam + g @ W.T", "lam = lam + g @ W", "transpose"),
    ],
)
