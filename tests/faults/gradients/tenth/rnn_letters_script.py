"""A recurrent net reads a word and guesses each next letter; RMSProp."""

import numpy as np

text = "abracadabra"
chars = sorted(set(text))
index = [chars.index(c) for c in text]
V, H = len(chars), 6
rng = np.random.default_rng(5)
params = [0.4 * rng.normal(size=shape) for shape in ((H, V), (H, H), (V, H), (H,), (V,))]
cache = [np.zeros_like(p) for p in params]
inputs, targets = index[:-1], index[1:]
T = len(inputs)

for n in range(15):
    Wxh, Whh, Why, bh, by = params
    hs, ps, loss = {-1: np.zeros(H)}, {}, 0.0
    for t in range(T):
        hs[t] = np.tanh(Wxh[:, inputs[t]] + Whh @ hs[t - 1] + bh)
        scores = Why @ hs[t] + by
        ps[t] = np.exp(scores) / np.sum(np.exp(scores))
        loss -= np.log(ps[t][targets[t]]) / T

    dWxh, dWhh, dWhy, dbh, dby = grads = [np.zeros_like(p) for p in params]
    dhnext = np.zeros(H)
    for t in reversed(range(T)):
        dy = ps[t].copy()
        dy[targets[t]] -= 1
        dy /= T
        dWhy += np.outer(dy, hs[t])
        dby += dy
        dh = Why.T @ dy + dhnext
        draw = (1 - hs[t] ** 2) * dh
        dbh += draw
        dWxh[:, inputs[t]] += draw
        dWhh += np.outer(draw, hs[t - 1])
        dhnext = Whh.T @ draw

    for i in range(5):
        cache[i] = 0.9 * cache[i] + 0.1 * grads[i] ** 2
        params[i] = params[i] - 0.02 * grads[i] / (np.sqrt(cache[i]) + 1e-6)
    print(n, loss)

FAULTS = (
    [("dh = Why.T @ dy + dhnext", "dh = Why.T @ dy", "missing path")],
    [("dhnext = Whh.T @ draw", "dhnext = Whh @ draw", "transpose")],
    [("dy[targets[t]] -= 1", "dy[inputs[t]] -= 1", "wrong target")],
    [("dhnext = Whh.T @ draw", "dhnext = np.clip(Whh.T @ draw, -0.01, 0.01)", "clipped")],
    [
        ("dWhh += np.outer(draw, hs[t - 1])", "dWhh += np.outer(draw, hs[t])", "wrong value"),
        ("        dy /= T\n", "", "missing mean"),
    ],
)
