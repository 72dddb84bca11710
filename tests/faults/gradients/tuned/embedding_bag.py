"""Word vectors that are averaged and classified."""

import numpy as np


def forward(tokens, labels, table, U):
    mean = table[tokens].mean(axis=1)
    logits = mean @ U
    logits = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[np.arange(len(labels)), labels]))
    return loss, mean, p


def backward(tokens, labels, table, U, mean, p):
    n, length = tokens.shape
    d = p.copy()
    d[np.arange(n), labels] -= 1.0
    d /= n
    dU = mean.T @ d
    dmean = d @ U.T
    dtable = np.zeros_like(table)
    for k in range(length):
        np.add.at(dtable, tokens[:, k], dmean / length)
    return dtable, dU


def subject(rng):
    return (
        forward,
        backward,
        (
            rng.integers(0, 8, (5, 3)),
            rng.integers(0, 4, 5),
            rng.normal(size=(8, 6)),
            rng.normal(size=(6, 4)),
        ),
    )


FAULTS = (
    [("np.add.at(dtable, tokens[:, k], dmean / length)", "np.add.at(dtable, tokens[:, k], dmean)", "missing mean")],
    [("d[np.arange(n), labels] -= 1.0", "d[np.arange(n), labels] += 1.0", "sign")],
    [("    d /= n\n", "", "missing mean")],
    [("d[np.arange(n), labels] -= 1.0", "d[np.arange(n), labels - 1] -= 1.0", "wrong target")],
)
