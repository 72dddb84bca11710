"""The minimal character-level RNN of a well-known blog, as a class, its loss averaged over time."""

import numpy as np


class CharRNN:
    def __init__(self, rng, vocab_size, hidden_size):
        self.Wxh = rng.normal(size=(hidden_size, vocab_size)) * 0.5  # input to hidden
        self.Whh = rng.normal(size=(hidden_size, hidden_size)) * 0.5  # hidden to hidden
        self.Why = rng.normal(size=(vocab_size, hidden_size)) * 0.5  # hidden to output
        self.bh = rng.normal(size=(hidden_size, 1)) * 0.1
        self.by = rng.normal(size=(vocab_size, 1)) * 0.1
        self.vocab_size = vocab_size

    def forward(self, inputs, targets, hprev):
        xs, hs, ps = {}, {}, {}
        hs[-1] = np.copy(hprev)
        loss = 0
        for t in range(len(inputs)):
            xs[t] = np.zeros((self.vocab_size, 1))  # encode in 1-of-k representation
            xs[t][inputs[t]] = 1
            hs[t] = np.tanh(np.dot(self.Wxh, xs[t]) + np.dot(self.Whh, hs[t - 1]) + self.bh)
            ys = np.dot(self.Why, hs[t]) + self.by
            ps[t] = np.exp(ys) / np.sum(np.exp(ys))
            loss += -np.log(ps[t][targets[t], 0])
        self.cache = xs, hs, ps, inputs, targets
        return loss / len(inputs)

    def backward(self):
        xs, hs, ps, inputs, targets = self.cache
        dWxh, dWhh, dWhy = np.zeros_like(self.Wxh), np.zeros_like(self.Whh), np.zeros_like(self.Why)
        dbh, dby = np.zeros_like(self.bh), np.zeros_like(self.by)
        dhnext = np.zeros_like(hs[0])
        for t in reversed(range(len(inputs))):
            dy = np.copy(ps[t])
            dy[targets[t]] -= 1
            dy /= len(inputs)
            dWhy += np.dot(dy, hs[t].T)
            dby += dy
            dh = np.dot(self.Why.T, dy) + dhnext
            dhraw = (1 - hs[t] * hs[t]) * dh
            dbh += dhraw
            dWxh += np.dot(dhraw, xs[t].T)
            dWhh += np.dot(dhraw, hs[t - 1].T)
            dhnext = np.dot(self.Whh.T, dhraw)
        return {"Wxh": dWxh, "Whh": dWhh, "Why": dWhy, "bh": dbh, "by": dby}


def subject(rng):
    net = CharRNN(rng, 5, 4)
    inputs = [int(i) for i in rng.integers(0, 5, 6)]
    targets = [int(i) for i in rng.integers(0, 5, 6)]
    return net.forward, net.backward, (inputs, targets, rng.normal(size=(4, 1)))


FAULTS = (
    [("dhnext = np.dot(self.Whh.T, dhraw)", "dhnext = np.dot(self.Whh, dhraw)", "transpose")],
    [("dh = np.dot(self.Why.T, dy) + dhnext", "dh = np.dot(self.Why.T, dy)", "missing path")],
    [
        (
            "        return {",
            "        for dparam in [dWxh, dWhh, dWhy, dbh, dby]:\n            np.clip(dparam, -0.01, 0.01, out=dparam)\n        return {",
            "clipped",
        )
    ],
    [
        ("dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = dh", "missing derivative"),
        ("            dy /= len(inputs)\n", "", "missing mean"),
    ],
)
