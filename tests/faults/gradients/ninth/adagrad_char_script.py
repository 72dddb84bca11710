"""A small character model: plain recurrent net over one line of text, Adagrad by hand."""

import numpy as np

data = "hello yellow"
chars = sorted(set(data))
vocab_size = len(chars)
char_to_ix = {ch: i for i, ch in enumerate(chars)}

np.random.seed(7)
hidden_size = 5
learning_rate = 0.1

Wxh = np.random.randn(hidden_size, vocab_size) * 0.5
Whh = np.random.randn(hidden_size, hidden_size) * 0.5
Why = np.random.randn(vocab_size, hidden_size) * 0.5
bh = np.zeros((hidden_size, 1))
by = np.zeros((vocab_size, 1))
mWxh, mWhh, mWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
mbh, mby = np.zeros_like(bh), np.zeros_like(by)

inputs = [char_to_ix[ch] for ch in data[:6]]
targets = [char_to_ix[ch] for ch in data[1:7]]

for n in range(30):
    xs, hs, ps = {}, {}, {}
    hs[-1] = np.zeros((hidden_size, 1))
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        ys = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys) / np.sum(np.exp(ys))
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

    for param, dparam, mem in zip([Wxh, Whh, Why, bh, by], [dWxh, dWhh, dWhy, dbh, dby], [mWxh, mWhh, mWhy, mbh, mby]):
        mem[:] += dparam * dparam
        param[:] += -learning_rate * dparam / np.sqrt(mem + 1e-8)
    if n % 10 == 0:
        print(f"iter {n}, loss: {loss:f}")

FAULTS = (
    [("dhnext = np.dot(Whh.T, dhraw)", "dhnext = np.dot(Whh, dhraw)", "transpose")],
    [("dWhh += np.dot(dhraw, hs[t - 1].T)", "dWhh += np.dot(dhraw, hs[t].T)", "wrong value")],
    [("dh = np.dot(Why.T, dy) + dhnext", "dh = np.dot(Why.T, dy)", "missing path")],
    [("dy[targets[t]] -= 1", "dy[inputs[t]] -= 1", "wrong target")],
    [
        ("dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = dh", "missing derivative"),
        ("dby += dy", "dby += dy / len(inputs)", "extra mean"),
    ],
)
