"""A neural ODE by Euler's method: the same tanh field at every step, squared distance at the end of the path."""

import numpy as np


def solve(h0, target, W, b, steps=4, dt=0.3):
    path = [h0]
    h = h0
    for _ in range(steps):
        h = h + dt * np.tanh(h @ W + b)
        path.append(h)
    gap = h - target
    return np.sum(gap**2) / (2 * len(h0)), path, gap


def adjoint(h0, W, b, path, gap, dt=0.3):
    dW, db = np.zeros_like(W), np.zeros_like(b)
    lam = gap / len(h0)
    for h in reversed(path[:-1]):
        f = np.tanh(h @ W + b)
        d_pre = dt * lam * (1 - f**2)
        dW += h.T @ d_pre
        db += d_pre.sum(axis=0)
        lam = lam + d_pre @ W.T
    return {"W": dW, "b": db, "h0": lam}


def subject(rng):
    return (
        solve,
        adjoint,
        (rng.normal(size=(7, 3)), rng.normal(size=(7, 3)), rng.normal(size=(3, 3)), rng.normal(size=3)),
    )


FAULTS = (
    [("lam = lam + d_pre @ W.T", "lam = d_pre @ W.T", "missing path")],
    [("for h in reversed(path[:-1]):", "for h in reversed(path[1:]):", "wrong value")],
    [
        ("d_pre = dt * lam * (1 - f**2)", "d_pre = lam * (1 - f**2)", "factor"),
        ("lam = lam + d_pre @ W.T", "lam = lam + d_pre @ W", "transpose"),
    ],
    [
        ("d_pre = dt * lam * (1 - f**2)", "d_pre = dt * lam * (1 - np.tanh(f) ** 2)", "derivative at the output"),
        ("db += d_pre.sum(axis=0)", "db += d_pre.mean(axis=0)", "extra mean"),
    ],
)
