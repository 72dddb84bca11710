"""Characters one after the other, columns and dicts by time, gradients clipped nowhere."""

import numpy as np


def loss_fun(inputs, targets, hprev, Wxh, Whh, Why, bh, by):
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((Wxh.shape[1], 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        ys[t] = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    return loss, (xs, hs, ps)


def grad_fun(inputs, targets, hprev, Wxh, Whh, Why, bh, by, cache):
    xs, hs, ps = cache
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dhnext = np.dot(Whh.T, dhraw)
    return dWxh, dWhh, dWhy, dbh, dby


def subject(rng):
    v, h = 5, 4
    args = (
        [0, 2, 1, 4],
        [2, 1, 4, 3],
        np.zeros((h, 1)),
        rng.normal(size=(h, v)),
        rng.normal(size=(h, h)),
        rng.normal(size=(v, h)),
        rng.normal(size=(h, 1)),
        rng.normal(size=(v, 1)),
    )
    return loss_fun, grad_fun, args, {"wrt": ["Wxh", "Whh", "Why", "bh", "by"]}


FAULTS = (
    [("dh = np.dot(Why.T, dy) + dhnext", "dh = np.dot(Why.T, dy)", "missing path")],
    [("dhnext = np.dot(Whh.T, dhraw)", "dhnext = np.dot(Whh, dhraw)", "transpose")],
    [("dWhh += np.dot(dhraw, hs[t - 1].T)", "dWhh += np.dot(dhraw, hs[t].T)", "wrong value")],
    [("dbh += dhraw", "dbh += dh", "missing derivative")],
    [("dy[targets[t]] -= 1", "dy[inputs[t]] -= 1", "wrong target")],
    [("dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = hs[t] * (1 - hs[t]) * dh", "wrong derivative")],
    [("dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = np.clip((1 - hs[t] * hs[t]) * dh, -0.2, 0.2)", "clipped")],
    [
        ("dbh += dhraw", "dbh += dh", "missing derivative"),
        ("dWhy += np.dot(dy, hs[t].T)", "dWhy += 2 * np.dot(dy, hs[t].T)", "factor"),
    ],
)
