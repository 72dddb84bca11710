"""A student that learns from the softened answers of a teacher and from the labels."""

import numpy as np

T = 3.0


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def forward(x, labels, teacher, params):
    h = np.maximum(0.0, x @ params["W1"] + params["b1"])
    logits = h @ params["W2"] + params["b2"]
    soft = np.exp(log_softmax(teacher / T))
    hard_loss = -log_softmax(logits)[np.arange(len(labels)), labels].mean()
    soft_loss = -(soft * log_softmax(logits / T)).sum(axis=1).mean() * T**2
    return 0.3 * hard_loss + 0.7 * soft_loss, (h, logits, soft)


def backward(x, labels, teacher, params, cache):
    h, logits, soft = cache
    n = len(labels)
    hard = np.exp(log_softmax(logits))
    hard[np.arange(n), labels] -= 1.0
    softened = np.exp(log_softmax(logits / T)) - soft
    dlogits = 0.3 * hard / n + 0.7 * T * softened / n
    grads = {"W2": h.T @ dlogits, "b2": dlogits.sum(axis=0)}
    dh = dlogits @ params["W2"].T
    dh[h <= 0] = 0.0
    grads["W1"] = x.T @ dh
    grads["b1"] = dh.sum(axis=0)
    return grads


def subject(rng):
    params = {
        "W1": rng.normal(size=(4, 6)),
        "b1": rng.normal(size=6),
        "W2": rng.normal(size=(6, 3)),
        "b2": rng.normal(size=3),
    }
    return forward, backward, (rng.normal(size=(7, 4)), rng.integers(0, 3, 7), 2 * rng.normal(size=(7, 3)), params)


FAULTS = (
    [("0.7 * T * softened / n", "0.7 * softened / n", "factor")],
    [("0.7 * T * softened / n", "0.7 * T * softened", "missing mean")],
    [("dlogits = 0.3 * hard / n + 0.7 * T * softened / n", "dlogits = 0.3 * hard / n", "missing path")],
    [("    dh[h <= 0] = 0.0\n", "", "missing derivative")],
    [("np.exp(log_softmax(logits / T)) - soft", "soft - np.exp(log_softmax(logits / T))", "sign")],
    [
        ("    dh[h <= 0] = 0.0\n", "", "missing derivative"),
        ('"b2": dlogits.sum(axis=0)', '"b2": dlogits.mean(axis=0)', "extra mean"),
    ],
)
