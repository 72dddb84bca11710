"""An autoencoder that takes fixed noise away: leaky ReLU in, sigmoid out, binary cross-entropy on every pixel."""

import numpy as np


def leaky_relu(z):
    return np.where(z > 0, z, 0.2 * z)


def leaky_relu_prime(z):
    return np.where(z > 0, 1.0, 0.2)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class DenoisingAutoencoder:
    def __init__(self, rng, n_visible, n_hidden):
        self.params = {
            "We": rng.normal(size=(n_visible, n_hidden)),
            "be": rng.normal(size=n_hidden),
            "Wd": rng.normal(size=(n_hidden, n_visible)),
            "bd": rng.normal(size=n_visible),
        }
        self.grads = {}

    def reconstruct(self, clean, noise):
        p = self.params
        self.clean = clean
        self.noisy = clean + noise
        self.z1 = self.noisy @ p["We"] + p["be"]
        self.code = leaky_relu(self.z1)
        self.out = sigmoid(self.code @ p["Wd"] + p["bd"])
        loss = -(clean * np.log(self.out) + (1 - clean) * np.log(1 - self.out))
        return loss.sum(axis=1).mean()

    def backprop(self):
        n = self.clean.shape[0]
        delta = (self.out - self.clean) / n
        self.grads["Wd"] = self.code.T @ delta
        self.grads["bd"] = delta.sum(axis=0)
        delta = (delta @ self.params["Wd"].T) * leaky_relu_prime(self.z1)
        self.grads["We"] = self.noisy.T @ delta
        self.grads["be"] = delta.sum(axis=0)


def subject(rng):
    model = DenoisingAutoencoder(rng, 6, 4)
    return model.reconstruct, model.backprop, (rng.random((5, 6)), 0.3 * rng.normal(size=(5, 6)))


FAULTS = (
    [('self.grads["We"] = self.noisy.T @ delta', 'self.grads["We"] = self.clean.T @ delta', "wrong value")],
    [("delta = (self.out - self.clean) / n", "delta = (self.out - self.noisy) / n", "wrong target")],
    [("delta = (self.out - self.clean) / n", "delta = (self.out - self.clean) / self.clean.size", "extra mean")],
    [
        (
            "delta = (self.out - self.clean) / n",
            "delta = (self.out - self.clean) * self.out * (1 - self.out) / n",
            "output derivative twice",
        ),
        ('self.grads["be"] = delta.sum(axis=0)', 'self.grads["be"] = delta.mean(axis=0)', "extra mean"),
    ],
)
