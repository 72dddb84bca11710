"""An autoencoder with one matrix for both ways, trained by Nesterov's momentum."""

import numpy as np

np.random.seed(13)
codes = np.random.rand(30, 2)
data = codes @ np.random.rand(2, 6) / 2 + 0.02 * np.random.randn(30, 6)


class TiedAutoencoder:
    """x -> h = sigmoid(x W + b) -> h W' + c"""

    def __init__(self, n_visible, n_hidden, lr=0.1, mu=0.6):
        self.W = np.random.randn(n_visible, n_hidden) * 0.5
        self.b = np.zeros(n_hidden)
        self.c = np.zeros(n_visible)
        self.vW, self.vb, self.vc = 0 * self.W, 0 * self.b, 0 * self.c
        self.lr, self.mu = lr, mu

    def encode(self, x):
        return 1 / (1 + np.exp(-(x @ self.W + self.b)))

    def decode(self, h):
        return h @ self.W.T + self.c

    def train_step(self, x):
        h = self.encode(x)
        x_rec = self.decode(h)
        diff = x_rec - x
        loss = np.sum(diff**2) / (2 * len(x))

        delta_rec = diff / len(x)
        delta_h = delta_rec @ self.W * h * (1 - h)
        grad_W = x.T @ delta_h + delta_rec.T @ h
        grad_b = np.sum(delta_h, axis=0)
        grad_c = np.sum(delta_rec, axis=0)

        # Nesterov in the form of cs231n
        old = self.vW, self.vb, self.vc
        self.vW = self.mu * self.vW - self.lr * grad_W
        self.vb = self.mu * self.vb - self.lr * grad_b
        self.vc = self.mu * self.vc - self.lr * grad_c
        self.W = self.W - self.mu * old[0] + (1 + self.mu) * self.vW
        self.b = self.b - self.mu * old[1] + (1 + self.mu) * self.vb
        self.c = self.c - self.mu * old[2] + (1 + self.mu) * self.vc
        return loss


ae = TiedAutoencoder(6, 3)
losses = [ae.train_step(data) for _ in range(20)]
print("first", losses[0], "last", losses[-1])

FAULTS = (
    [("grad_W = x.T @ delta_h + delta_rec.T @ h", "grad_W = x.T @ delta_h", "missing path")],
    [("delta_h = delta_rec @ self.W * h * (1 - h)", "delta_h = delta_rec @ self.W * (1 - h**2)", "wrong derivative")],
    [
        (
            "delta_h = delta_rec @ self.W * h * (1 - h)",
            "a = x @ self.W + self.b\n        delta_h = delta_rec @ self.W * a * (1 - a)",
            "derivative at the input",
        )
    ],
    [("delta_rec = diff / len(x)", "delta_rec = diff * (1 - np.tanh(x_rec) ** 2) / len(x)", "extra derivative")],
    [
        (
            "delta_h = delta_rec @ self.W * h * (1 - h)",
            "s = 1 / (1 + np.exp(-h))\n        delta_h = delta_rec @ self.W * s * (1 - s)",
            "derivative at the output",
        ),
        ("grad_b = np.sum(delta_h, axis=0)", "grad_b = delta_h", "not summed"),
    ],
)
