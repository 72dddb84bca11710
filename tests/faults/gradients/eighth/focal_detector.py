"""Focal loss on logits for rare positives, with the balance α, as in object detection."""

import numpy as np


def focal_loss(features, labels, weight, bias, alpha=0.25, gamma=2.0):
    logits = features @ weight + bias
    p = 1 / (1 + np.exp(-logits))
    pt = np.where(labels == 1, p, 1 - p)
    at = np.where(labels == 1, alpha, 1 - alpha)
    per_sample = -at * (1 - pt) ** gamma * np.log(pt)
    return per_sample.sum() / len(labels), p, pt, at


def focal_gradient(features, labels, p, pt, at, gamma=2.0):
    n = len(labels)
    dpt = at * (gamma * (1 - pt) ** (gamma - 1) * np.log(pt) - (1 - pt) ** gamma / pt) / n
    dp = np.where(labels == 1, dpt, -dpt)
    dlogits = dp * p * (1 - p)
    dweight = features.T @ dlogits
    dbias = np.sum(dlogits, keepdims=True)
    return {"weight": dweight, "bias": dbias}


def subject(rng):
    features, labels = rng.normal(size=(11, 3)), (rng.random(11) < 0.4).astype(int)
    return focal_loss, focal_gradient, (features, labels, rng.normal(size=3), rng.normal(size=1))


FAULTS = (
    [("dlogits = dp * p * (1 - p)", "dlogits = dp", "missing derivative")],
    [("dp = np.where(labels == 1, dpt, -dpt)", "dp = dpt", "missing derivative")],
    [
        (
            "(gamma * (1 - pt) ** (gamma - 1) * np.log(pt) - (1 - pt) ** gamma / pt)",
            "(-((1 - pt) ** gamma) / pt)",
            "missing path",
        )
    ],
    [
        ("dpt = at * (gamma", "dpt = -at * (gamma", "sign"),
        ("dbias = np.sum(dlogits, keepdims=True)", "dbias = np.mean(dlogits, keepdims=True)", "extra mean"),
    ],
    [
        ("dlogits = dp * p * (1 - p)", "dlogits = dp", "missing derivative"),
        (" / pt) / n\n", " / pt)\n", "missing mean"),
    ],
)
