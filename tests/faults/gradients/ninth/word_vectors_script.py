"""Skip-gram with negative sampling on a toy sentence: two tables of vectors, one pair of words at a time."""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


corpus = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog"]
vocab = {word: index for index, word in enumerate(corpus)}
pairs = [(vocab["quick"], vocab["fox"]), (vocab["brown"], vocab["jumps"]), (vocab["lazy"], vocab["dog"])]
noise = [[vocab["a"], vocab["over"], vocab["the"]], [vocab["dog"], vocab["lazy"], vocab["a"]], [0, 4, 2]]

np.random.seed(13)
dim = 4
W_in = np.random.randn(len(vocab), dim)
W_out = np.random.randn(len(vocab), dim)
lr = 0.1

for epoch in range(20):
    loss = 0.0
    grad_in, grad_out = np.zeros_like(W_in), np.zeros_like(W_out)
    for (center, context), negatives in zip(pairs, noise):
        v = W_in[center]
        u = W_out[context]
        negs = W_out[negatives]
        score = sigmoid(u @ v)
        neg_scores = sigmoid(-negs @ v)
        loss += -np.log(score) - np.sum(np.log(neg_scores))

        grad_in[center] += (score - 1) * u + (1 - neg_scores) @ negs
        grad_out[context] += (score - 1) * v
        grad_out[negatives] += np.outer(1 - neg_scores, v)
    W_in -= lr * grad_in
    W_out -= lr * grad_out
    print(f"epoch {epoch}: {loss:.4f}")

FAULTS = (
    [
        (
            "grad_in[center] += (score - 1) * u + (1 - neg_scores) @ negs",
            "grad_in[center] += (score - 1) * u",
            "missing path",
        )
    ],
    [
        (
            "grad_out[negatives] += np.outer(1 - neg_scores, v)",
            "grad_out[negatives] -= np.outer(1 - neg_scores, v)",
            "sign",
        )
    ],
    [
        ("grad_in[center] += (score - 1) * u +", "grad_in[center] += (score - 1) * v +", "wrong value"),
        ("W_out -= lr * grad_out", "W_out += lr * grad_out", "climbs"),
    ],
)
