"""The policy gradient of a bandit with a baseline."""

import numpy as np


def surrogate(theta, states, actions, rewards):
    logits = states @ theta
    logits = logits - logits.max(axis=1, keepdims=True)
    log_pi = logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))
    chosen = log_pi[np.arange(len(actions)), actions]
    advantage = rewards - rewards.mean()
    return -np.mean(chosen * advantage)


def surrogate_grad(theta, states, actions, rewards):
    logits = states @ theta
    pi = np.exp(logits - logits.max(axis=1, keepdims=True))
    pi /= pi.sum(axis=1, keepdims=True)
    advantage = rewards - rewards.mean()
    d = pi.copy()
    d[np.arange(len(actions)), actions] -= 1
    d *= advantage[:, None]
    return states.T @ d / len(actions)


def subject(rng):
    args = (rng.normal(size=(3, 4)), rng.normal(size=(9, 3)), rng.integers(0, 4, 9), rng.normal(size=9))
    return surrogate, surrogate_grad, args, {"wrt": ["theta"]}


FAULTS = (
    [("return states.T @ d / len(actions)", "return states.T @ d", "missing mean")],
    [("return states.T @ d / len(actions)", "return -states.T @ d / len(actions)", "sign")],
    [("    d *= advantage[:, None]\n", "", "missing derivative")],
    [("actions] -= 1", "(actions + 1) % 4] -= 1", "wrong target")],
)
