"""A linear chain with two states: the score of the given path against log Z from the forward recursion in log space."""

import numpy as np


def logsumexp(s, axis):
    top = s.max(axis=axis, keepdims=True)
    return (top + np.log(np.exp(s - top).sum(axis=axis, keepdims=True))).squeeze(axis)


class ChainCRF:
    def __init__(self, rng, features):
        self.W = rng.normal(size=(features, 2))
        self.A = rng.normal(size=(2, 2))

    def nll(self, x, tags):
        """x: (T, F), tags: (T,)."""
        self.x, self.tags = x, tags
        T = len(tags)
        emit = x @ self.W
        self.alpha = np.zeros((T, 2))
        self.alpha[0] = emit[0]
        for t in range(1, T):
            self.alpha[t] = emit[t] + logsumexp(self.alpha[t - 1][:, None] + self.A, axis=0)
        log_z = logsumexp(self.alpha[-1], axis=0)
        score = emit[np.arange(T), tags].sum() + self.A[tags[:-1], tags[1:]].sum()
        return log_z - score

    def backward(self):
        T = len(self.tags)
        d_emit, dA = np.zeros((T, 2)), np.zeros_like(self.A)
        last = self.alpha[-1]
        d_alpha = np.exp(last - logsumexp(last, axis=0))
        for t in range(T - 1, 0, -1):
            d_emit[t] += d_alpha
            joint = self.alpha[t - 1][:, None] + self.A
            share = np.exp(joint - logsumexp(joint, axis=0))
            d_joint = share * d_alpha
            dA += d_joint
            d_alpha = d_joint.sum(axis=1)
        d_emit[0] += d_alpha
        d_emit[np.arange(T), self.tags] -= 1
        for t in range(1, T):
            dA[self.tags[t - 1], self.tags[t]] -= 1
        dW = self.x.T @ d_emit
        return {"W": dW, "A": dA}


def subject(rng):
    model = ChainCRF(rng, 4)
    return model.nll, model.backward, (rng.normal(size=(6, 4)), np.array([0, 1, 1, 0, 1, 1]))


FAULTS = (
    [("d_alpha = d_joint.sum(axis=1)", "d_alpha = d_joint.sum(axis=0)", "wrong axis")],
    [("d_emit[np.arange(T), self.tags] -= 1", "d_emit[np.arange(T), 1 - self.tags] -= 1", "wrong target")],
    [
        ("            d_emit[t] += d_alpha\n", "", "missing path"),
        ("dA[self.tags[t - 1], self.tags[t]] -= 1", "dA[self.tags[t - 1], self.tags[t]] += 1", "sign"),
    ],
    [
        ("dA[self.tags[t - 1], self.tags[t]] -= 1", "dA[self.tags[t], self.tags[t - 1]] -= 1", "transpose"),
        ("dW = self.x.T @ d_emit", "dW = self.x.T @ d_emit / T", "extra mean"),
    ],
)
