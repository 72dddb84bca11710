"""A one-dimensional convolution by shifts, relu, and a mean over time."""

import numpy as np


def forward(signal, label, kernel, bias, head):
    width = kernel.shape[0]
    steps = signal.shape[1] - width + 1
    z = sum(signal[:, k : k + steps] @ kernel[k] for k in range(width)) + bias
    a = np.maximum(z, 0)
    pooled = a.mean(axis=1)
    score = pooled @ head
    p = 1 / (1 + np.exp(-score))
    loss = -np.mean(label * np.log(p) + (1 - label) * np.log(1 - p))
    return loss, (z, a, pooled, p, steps)


def backward(signal, label, kernel, bias, head, cache):
    z, _a, pooled, p, steps = cache
    d_score = (p - label) / len(label)
    d_head = pooled.T @ d_score
    d_pooled = np.outer(d_score, head)
    d_a = np.repeat(d_pooled[:, None, :], steps, axis=1) / steps
    d_z = d_a * (z > 0)
    d_kernel = np.stack(
        [np.tensordot(signal[:, k : k + steps], d_z, axes=([0, 1], [0, 1])) for k in range(kernel.shape[0])]
    )
    d_bias = d_z.sum(axis=(0, 1))
    return d_kernel, d_bias, d_head


def subject(rng):
    label = (rng.random(7) > 0.5).astype(float)
    args = (rng.normal(size=(7, 8, 3)), label, rng.normal(size=(3, 3, 4)), rng.normal(size=4), rng.normal(size=4))
    return forward, backward, args


FAULTS = (
    [("d_z = d_a * (z > 0)", "d_z = d_a", "missing derivative")],
    [("axis=1) / steps", "axis=1)", "missing mean")],
    [
        (
            "d_score = (p - label) / len(label)",
            "d_score = (p - label) * p * (1 - p) / len(label)",
            "output derivative twice",
        )
    ],
    [("d_score = (p - label) / len(label)", "d_score = (label - p) / len(label)", "sign")],
    [("d_bias = d_z.sum(axis=(0, 1))", "d_bias = d_z.sum(axis=1)", "not summed")],
)
