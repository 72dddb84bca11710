"""A block with gelu in its tanh form and a residual path."""

import numpy as np

C = np.sqrt(2 / np.pi)


def gelu(u):
    return 0.5 * u * (1 + np.tanh(C * (u + 0.044715 * u**3)))


def gelu_grad(u):
    t = np.tanh(C * (u + 0.044715 * u**3))
    return 0.5 * (1 + t) + 0.5 * u * (1 - t**2) * C * (1 + 3 * 0.044715 * u**2)


def forward(x, y, A, B):
    u = x @ A
    v = gelu(u)
    out = x + v @ B
    return 0.5 * ((out - y) ** 2).mean(), (u, v, out)


def backward(x, y, A, B, state):
    u, v, out = state
    g = (out - y) / out.size
    dB = v.T @ g
    dv = g @ B.T
    du = dv * gelu_grad(u)
    dA = x.T @ du
    dx = g + du @ A.T
    return {"x": dx, "A": dA, "B": dB}


def subject(rng):
    return (
        forward,
        backward,
        (rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 3))),
    )


FAULTS = (
    [("du = dv * gelu_grad(u)", "du = dv * gelu_grad(v)", "derivative at the output")],
    [("du = dv * gelu_grad(u)", "du = dv", "missing derivative")],
    [("du = dv * gelu_grad(u)", "du = dv * (u > 0)", "wrong derivative")],
    [("dx = g + du @ A.T", "dx = du @ A.T", "missing path")],
    [("dx = g + du @ A.T", "dx = g", "missing path")],
    [("g = (out - y) / out.size", "g = (y - out) / out.size", "sign")],
)
