"""Two branches that are added, one of them with a learned scale."""

import numpy as np


def loss_and_state(u, target, A, B, scale):
    left = np.tanh(u @ A)
    right = u @ B
    out = left + scale * right
    diff = out - target
    return (diff * diff).sum() / (2 * u.shape[0]), {"left": left, "right": right, "diff": diff}


def all_gradients(u, target, A, B, scale, state):
    d = state["diff"] / u.shape[0]
    d_left = d * (1 - state["left"] ** 2)
    d_A = u.T @ d_left
    d_right = d * scale
    d_B = u.T @ d_right
    d_scale = (d * state["right"]).sum(axis=0)
    return {"A": d_A, "B": d_B, "scale": d_scale}


def subject(rng):
    return (
        loss_and_state,
        all_gradients,
        (
            rng.normal(size=(9, 3)),
            rng.normal(size=(9, 4)),
            rng.normal(size=(3, 4)),
            rng.normal(size=(3, 4)),
            rng.normal(size=4),
        ),
    )


FAULTS = (
    [("d_right = d * scale", "d_right = d", "missing derivative")],
    [('d_scale = (d * state["right"]).sum(axis=0)', 'd_scale = d * state["right"]', "not summed")],
    [('d_scale = (d * state["right"]).sum(axis=0)', 'd_scale = (d * state["left"]).sum(axis=0)', "wrong value")],
    [('(1 - state["left"] ** 2)', '(1 + state["left"] ** 2)', "sign")],
    [('d = state["diff"] / u.shape[0]', 'd = 2 * state["diff"] / u.shape[0]', "factor")],
    [
        ("d_right = d * scale", "d_right = d", "missing derivative"),
        ('(1 - state["left"] ** 2)', '(1 - state["left"])', "wrong derivative"),
    ],
)
