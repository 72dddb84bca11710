"""A value network with a bootstrapped target that is held fixed: half the squared temporal-difference error."""

import numpy as np


class ValueNet:
    def __init__(self, rng, n_obs, n_hidden):
        self.W = rng.normal(size=(n_obs, n_hidden))
        self.b = rng.normal(size=n_hidden)
        self.v = rng.normal(size=n_hidden)
        self.v0 = rng.normal(size=1)

    def td_loss(self, obs, rewards, next_values, gamma):
        """next_values come from a frozen copy of the network."""
        self.obs = obs
        self.h = np.tanh(obs @ self.W + self.b)
        self.value = self.h @ self.v + self.v0
        self.td = rewards + gamma * next_values - self.value
        return 0.5 * np.mean(self.td**2)

    def backward(self):
        n = len(self.obs)
        d_value = -self.td / n
        dv = self.h.T @ d_value
        dv0 = d_value.sum(keepdims=True)
        dh = d_value[:, None] * self.v
        dz = dh * (1 - self.h**2)
        dW = self.obs.T @ dz
        db = dz.sum(axis=0)
        return {"W": dW, "b": db, "v": dv, "v0": dv0}


def subject(rng):
    net = ValueNet(rng, 3, 5)
    return net.td_loss, net.backward, (rng.normal(size=(7, 3)), rng.normal(size=7), rng.normal(size=7), 0.9)


FAULTS = (
    [("d_value = -self.td / n", "d_value = self.td / n", "sign")],
    [("d_value = -self.td / n", "d_value = -np.clip(self.td, -0.5, 0.5) / n", "clipped")],
    [
        ("dz = dh * (1 - self.h**2)", "dz = dh * (1 - np.tanh(self.h) ** 2)", "derivative at the output"),
        ("dv0 = d_value.sum(keepdims=True)", "dv0 = d_value.mean(keepdims=True)", "extra mean"),
    ],
)
