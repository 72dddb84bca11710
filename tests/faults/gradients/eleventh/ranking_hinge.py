"""Learning to rank documents: hinge loss over pairs, scores by a net of one hidden layer."""

import numpy as np

rng = np.random.RandomState(23)
n_docs = 20
docs = rng.randn(n_docs, 4)
relevance = np.digitize(docs @ np.array([1.0, -0.5, 0.3, 0.0]) + 0.2 * rng.randn(n_docs), [-0.7, 0.7])
pairs = [(i, j) for i in range(n_docs) for j in range(n_docs) if relevance[i] > relevance[j]]
hi, lo = np.array(pairs).T

w1 = rng.randn(4, 6) * 0.5
c1 = rng.randn(6) * 0.3
w2 = rng.randn(6) * 0.5


def softplus(a):
    return np.log1p(np.exp(a))


def score(w1, c1, w2):
    pre = docs @ w1 + c1
    hid = softplus(pre)
    return pre, hid, hid @ w2


def pair_loss(s):
    return np.mean(np.maximum(0, 1 - (s[hi] - s[lo])))


def train(w1, c1, w2, lr=0.3, rounds=40, max_norm=5.0):
    losses = []
    for _ in range(rounds):
        pre, hid, s = score(w1, c1, w2)
        losses.append(pair_loss(s))
        if losses[-1] == 0:
            break
        violated = (1 - (s[hi] - s[lo]) > 0) / len(hi)
        ds = np.zeros(n_docs)
        np.subtract.at(ds, hi, violated)
        np.add.at(ds, lo, violated)
        dhid = np.outer(ds, w2)
        dpre = dhid / (1 + np.exp(-pre))
        grads = [docs.T @ dpre, dpre.sum(axis=0), hid.T @ ds]
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        if norm > max_norm:
            grads = [g * max_norm / norm for g in grads]
        w1, c1, w2 = (p - lr * g for p, g in zip((w1, c1, w2), grads))
    return losses


losses = train(w1, c1, w2)
print("pair loss at first", round(losses[0], 3), "at last", round(losses[-1], 3))

FAULTS = (
    [("dpre = dhid / (1 + np.exp(-pre))", "dpre = dhid / (1 + np.exp(-hid))", "derivative at the output")],
    [("dpre = dhid / (1 + np.exp(-pre))", "dpre = dhid * (pre > 0)", "wrong derivative")],
    [("violated = (1 - (s[hi] - s[lo]) > 0) / len(hi)", "violated = (1 - (s[hi] - s[lo]) > 0) * 1.0", "missing mean")],
    [("dhid = np.outer(ds, w2)", "dhid = np.outer(ds * (1 - s**2), w2)", "extra derivative")],
    [
        ("dpre = dhid / (1 + np.exp(-pre))", "dpre = dhid", "missing derivative"),
        ("dpre.sum(axis=0), hid.T @ ds]", "dpre.mean(axis=0), hid.T @ ds]", "extra mean"),
    ],
)
