"""Cox's partial likelihood: who falls ill, among all who could have (the rows stand in the order of time)."""

import numpy as np


def partial_likelihood(X, event, W, v):
    h = np.tanh(X @ W)
    risk = h @ v
    at_risk = np.triu(np.ones((len(X), len(X))))
    weight = at_risk * np.exp(risk)
    share = weight / weight.sum(axis=1, keepdims=True)
    loss = -np.sum(event * np.log(np.diag(share))) / event.sum()
    return loss


def partial_gradient(X, event, W, v, h, share):
    drisk = (share.T @ event - event) / event.sum()
    dv = h.T @ drisk
    dh = np.outer(drisk, v)
    dW = X.T @ (dh * (1 - h**2))
    return [dW, dv]


def subject(rng):
    event = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    args = rng.normal(size=(6, 3)), event, rng.normal(size=(3, 4)), rng.normal(size=4)
    return partial_likelihood, partial_gradient, args, {"wrt": ["W", "v"]}


FAULTS = (
    [("share.T @ event - event", "share @ event - event", "transpose")],
    [("(share.T @ event - event)", "(event - share.T @ event)", "sign")],
    [("(dh * (1 - h**2))", "(dh * h * (1 - h))", "wrong derivative")],
    [
        ("dv = h.T @ drisk", "dv = -h.T @ drisk", "sign"),
        ("(dh * (1 - h**2))", "dh", "missing derivative"),
    ],
)
