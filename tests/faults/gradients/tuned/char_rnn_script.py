"""A character model in a script: a recurrent net with a carried state, Adagrad and clipping in a loop over parameters."""

import numpy as np

text = "the quick brown fox jumps over the lazy dog and runs away"
chars = sorted(set(text))
size, vocab = len(text), len(chars)
index = {ch: i for i, ch in enumerate(chars)}
hidden, length, learning_rate = 6, 5, 1e-1
np.random.seed(0)
Wxh = np.random.randn(hidden, vocab) * 0.3
Whh = np.random.randn(hidden, hidden) * 0.3
Why = np.random.randn(vocab, hidden) * 0.3
bh = np.zeros((hidden, 1))
by = np.zeros((vocab, 1))


def loss_and_gradients(inputs, targets, hprev):
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        ys[t] = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
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
    for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
        np.clip(dparam, -5, 5, out=dparam)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


n, p = 0, 0
mWxh, mWhh, mWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
mbh, mby = np.zeros_like(bh), np.zeros_like(by)
smooth_loss = -np.log(1.0 / vocab) * length
while n < 100:
    if p + length + 1 >= size or n == 0:
        hprev = np.zeros((hidden, 1))
        p = 0
    inputs = [index[ch] for ch in text[p : p + length]]
    targets = [index[ch] for ch in text[p + 1 : p + length + 1]]
    loss, dWxh, dWhh, dWhy, dbh, dby, hprev = loss_and_gradients(inputs, targets, hprev)
    smooth_loss = smooth_loss * 0.999 + loss * 0.001
    if n % 10 == 0:
        print(f"iter {n}, loss: {smooth_loss}")
    for param, dparam, mem in zip([Wxh, Whh, Why, bh, by], [dWxh, dWhh, dWhy, dbh, dby], [mWxh, mWhh, mWhy, mbh, mby]):
        mem += dparam * dparam
        param += -learning_rate * dparam / np.sqrt(mem + 1e-8)
    p += length
    n += 1

FAULTS = (
    [("dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = dh", "missing derivative")],
    [("dhnext = np.dot(Whh.T, dhraw)", "dhnext = np.dot(Whh, dhraw)", "transpose")],
    [("dh = np.dot(Why.T, dy) + dhnext", "dh = np.dot(Why.T, dy)", "missing path")],
    [("param += -learning_rate", "param += learning_rate", "climbs")],
)
