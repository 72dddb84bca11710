"""Softmax regression with a penalty on the weights."""

import numpy as np


def loss_fn(W, b, X, Y, lam):
    Z = X.dot(W) + b
    Z = Z - Z.max(axis=1, keepdims=True)
    logp = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
    data = -(Y * logp).sum() / len(X)
    return data + 0.5 * lam * np.sum(W * W)


def grad_fn(W, b, X, Y, lam):
    Z = X.dot(W) + b
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    G = (P - Y) / len(X)
    dW = X.T.dot(G) + lam * W
    db = G.sum(axis=0)
    return dW, db


def subject(rng):
    Y = np.eye(4)[rng.integers(0, 4, 7)]
    return loss_fn, grad_fn, (rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(7, 3)), Y, 0.7)


FAULTS = (
    [("dW = X.T.dot(G) + lam * W", "dW = X.T.dot(G)", "missing path")],
    [("dW = X.T.dot(G) + lam * W", "dW = X.T.dot(G) + 2 * lam * W", "factor")],
    [("dW = X.T.dot(G) + lam * W", "dW = X.T.dot(G) - lam * W", "sign")],
    [("G = (P - Y) / len(X)", "G = P - Y", "missing mean")],
    [("db = G.sum(axis=0)", "db = G.sum(axis=0) + lam * b", "extra path")],
)
