"""word2vec from scratch: skip-gram with negative sampling, pair by pair."""

import numpy as np

text = "the king rules the land the queen rules the sea the cat eats the fish the dog eats the bone"
corpus = text.split()
words = sorted(set(corpus))
idx = {w: i for i, w in enumerate(words)}
np.random.seed(0)
DIM, WINDOW, NEG, ALPHA = 6, 2, 3, 0.05
W_in = np.random.normal(0, 0.4, (len(words), DIM))
W_out = np.random.normal(0, 0.4, (len(words), DIM))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def train_pair(center, context, negatives):
    v = W_in[center].copy()
    u_pos = W_out[context].copy()
    u_neg = W_out[negatives]
    s_pos = sigmoid(u_pos @ v)
    s_neg = sigmoid(u_neg @ v)
    loss = -np.log(s_pos) - np.sum(np.log(1 - s_neg))

    e_pos, e_neg = s_pos - 1, s_neg
    grad_u_pos = e_pos * v
    grad_u_neg = e_neg[:, None] * v
    grad_v = e_pos * u_pos + e_neg @ u_neg
    W_out[context] -= ALPHA * grad_u_pos
    W_out[negatives] -= ALPHA * grad_u_neg
    W_in[center] -= ALPHA * grad_v
    return loss


for epoch in range(2):
    total = 0
    for pos, word in enumerate(corpus):
        for other in range(max(0, pos - WINDOW), min(len(corpus), pos + WINDOW + 1)):
            if other == pos:
                continue
            c, o = idx[word], idx[corpus[other]]
            candidates = [i for i in range(len(words)) if i not in (c, o)]
            total += train_pair(c, o, np.random.choice(candidates, NEG, replace=False))
    print("epoch", epoch, "loss", total)

FAULTS = (
    [
        (
            "    grad_v = e_pos * u_pos + e_neg @ u_neg\n    W_out[context] -= ALPHA * grad_u_pos\n    W_out[negatives] -= ALPHA * grad_u_neg\n",
            "    W_out[context] -= ALPHA * grad_u_pos\n    W_out[negatives] -= ALPHA * grad_u_neg\n    grad_v = e_pos * W_out[context] + e_neg @ W_out[negatives]\n",
            "stale weights",
        )
    ],
    [("grad_v = e_pos * u_pos + e_neg @ u_neg", "grad_v = e_pos * u_pos", "missing path")],
    [("e_pos, e_neg = s_pos - 1, s_neg", "e_pos, e_neg = s_pos - 1, s_neg + 1", "wrong target")],
    [("W_out[negatives] -= ALPHA * grad_u_neg", "W_out[negatives] += ALPHA * grad_u_neg", "climbs")],
    [
        ("grad_u_neg = e_neg[:, None] * v", "grad_u_neg = e_neg[:, None] * u_pos", "wrong value"),
        (
            "e_pos, e_neg = s_pos - 1, s_neg",
            "e_pos, e_neg = (s_pos - 1) * s_pos * (1 - s_pos), s_neg",
            "output derivative twice",
        ),
    ],
)
