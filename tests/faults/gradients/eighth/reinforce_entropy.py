"""The surrogate of a policy gradient: log-probabilities times advantages, with a bonus for entropy."""

import numpy as np


def surrogate(states, actions, returns, baseline, theta, bias):
    logits = states @ theta + bias
    logits = logits - logits.max(axis=1, keepdims=True)
    pi = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    log_pi = np.log(pi)
    advantages = returns - baseline
    chosen = log_pi[np.arange(len(actions)), actions]
    entropy = -(pi * log_pi).sum(axis=1)
    loss = -(chosen * advantages).mean() - 0.3 * entropy.mean()
    return loss, pi, log_pi, advantages, entropy


def surrogate_gradient(states, actions, pi, log_pi, advantages, entropy):
    n = len(actions)
    one_hot = np.zeros_like(pi)
    one_hot[np.arange(n), actions] = 1
    dlogits = (pi - one_hot) * advantages[:, None] / n
    dlogits = dlogits + 0.3 * pi * (log_pi + entropy[:, None]) / n
    return {"theta": states.T @ dlogits, "bias": dlogits.sum(axis=0)}


def subject(rng):
    states, actions = rng.normal(size=(7, 4)), rng.integers(0, 3, 7)
    returns, baseline = rng.normal(1, 2, size=7), np.array(0.8)
    args = (states, actions, returns, baseline, rng.normal(size=(4, 3)), rng.normal(size=3))
    return surrogate, surrogate_gradient, args


FAULTS = (
    [("    dlogits = dlogits + 0.3 * pi * (log_pi + entropy[:, None]) / n\n", "", "missing path")],
    [
        (
            "dlogits = (pi - one_hot) * advantages[:, None] / n",
            "dlogits = (one_hot - pi) * advantages[:, None] / n",
            "sign",
        )
    ],
    [
        (
            "dlogits = (pi - one_hot) * advantages[:, None] / n",
            "dlogits = (pi - one_hot) * advantages[:, None]",
            "missing mean",
        ),
        ('"bias": dlogits.sum(axis=0)', '"bias": dlogits', "not summed"),
    ],
)
