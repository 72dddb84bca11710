"""A conditional random field along a chain: the sum over all paths, and its gradient by marginals."""

import numpy as np


def lse(a, axis):
    top = a.max(axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(a - top), axis=axis)) + np.squeeze(top, axis)


def forward(x, tags, W, b, trans):
    unary = x @ W + b
    alpha = [unary[0]]
    for t in range(1, len(x)):
        alpha.append(unary[t] + lse(alpha[-1][:, None] + trans, axis=0))
    logz = lse(alpha[-1], axis=0)
    score = unary[np.arange(len(x)), tags].sum() + trans[tags[:-1], tags[1:]].sum()
    loss = logz - score
    return loss, (x, tags, trans, unary, alpha, logz)


def backward(cache):
    x, tags, trans, unary, alpha, logz = cache
    T, K = unary.shape
    dunary, dtrans = np.zeros((T, K)), np.zeros((K, K))
    beta = np.zeros(K)
    for t in reversed(range(T)):
        dunary[t] = np.exp(alpha[t] + beta - logz)
        if t > 0:
            onward = unary[t] + beta
            dtrans += np.exp(alpha[t - 1][:, None] + trans + onward - logz)
            beta = lse(trans + onward, axis=1)
    dunary -= np.eye(K)[tags]
    for before, after in zip(tags[:-1], tags[1:]):
        dtrans[before, after] -= 1
    dW = x.T @ dunary
    db = dunary.sum(axis=0)
    return dW, db, dtrans


def subject(rng):
    args = (
        rng.normal(size=(4, 2)),
        np.array([0, 2, 2, 1]),
        rng.normal(size=(2, 3)),
        rng.normal(size=3),
        rng.normal(size=(3, 3)),
    )
    return forward, backward, args, {"wrt": ["W", "b", "trans"]}


FAULTS = (
    [("dunary -= np.eye(K)[tags]", "dunary += np.eye(K)[tags]", "sign")],
    [("        dtrans[before, after] -= 1\n", "        pass\n", "missing path")],
    [("beta = lse(trans + onward, axis=1)", "beta = lse(trans.T + onward, axis=1)", "transpose")],
    [
        ("db = dunary.sum(axis=0)", "db = dunary", "not summed"),
        ("beta = lse(trans + onward, axis=1)", "beta = lse(trans + onward, axis=0)", "wrong axis"),
    ],
)
