"""A policy by proximal optimization: the ratio to the old policy, clipped, and a small bonus for entropy."""

import numpy as np

EPSILON, BONUS = 0.2, 0.05


def forward(states, actions, advantages, old, W, b):
    logits = states @ W + b
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    pi = e / e.sum(axis=1, keepdims=True)
    ratio = pi[np.arange(len(actions)), actions] / old
    plain = ratio * advantages
    bounded = np.clip(ratio, 1 - EPSILON, 1 + EPSILON) * advantages
    entropy = -np.sum(pi * np.log(pi), axis=1)
    loss = -np.mean(np.minimum(plain, bounded) + BONUS * entropy)
    return loss, (states, actions, advantages, pi, ratio, plain, bounded, entropy)


def backward(cache):
    states, actions, advantages, pi, ratio, plain, bounded, entropy = cache
    n = len(actions)
    dratio = -np.where(plain <= bounded, advantages, 0) / n
    dlogp = dratio * ratio
    onehot = np.eye(pi.shape[1])[actions]
    dlogits = dlogp[:, None] * (onehot - pi)
    dlogits += BONUS * pi * (np.log(pi) + entropy[:, None]) / n
    dW = states.T @ dlogits
    db = dlogits.sum(axis=0)
    return {"W": dW, "b": db}


def subject(rng):
    actions = np.array([0, 2, 1, 1, 0, 2])
    old = np.array([0.5, 0.2, 0.3, 0.4, 0.3, 0.6])
    return (
        forward,
        backward,
        (rng.normal(size=(6, 4)), actions, rng.normal(size=6), old, 0.3 * rng.normal(size=(4, 3)), rng.normal(size=3)),
    )


FAULTS = (
    [("    dlogits += BONUS * pi * (np.log(pi) + entropy[:, None]) / n\n", "", "missing path")],
    [("dlogp = dratio * ratio", "dlogp = dratio", "missing derivative")],
    [("dlogits = dlogp[:, None] * (onehot - pi)", "dlogits = dlogp[:, None] * (pi - onehot)", "sign")],
    [
        ("advantages, 0) / n", "advantages, 0)", "missing mean"),
        (
            "dlogits += BONUS * pi * (np.log(pi) + entropy[:, None]) / n",
            "dlogits -= BONUS * pi * (np.log(pi) + entropy[:, None]) / n",
            "sign",
        ),
    ],
)
