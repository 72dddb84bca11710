"""A one-dimensional convolution by sliding windows, hard tanh, mean pooling over time, and a softmax."""

import numpy as np


class TextCNN:
    def __init__(self, rng, channels, filters, width, classes):
        self.width = width
        self.kernel = rng.normal(size=(channels, width, filters)) * 0.4
        self.bias = rng.normal(size=filters) * 0.2
        self.out = rng.normal(size=(filters, classes))

    def forward(self, x, labels):
        """x: (batch, channels, time)."""
        self.windows = np.lib.stride_tricks.sliding_window_view(x, self.width, axis=2)
        self.z = np.einsum("bctw,cwf->btf", self.windows, self.kernel) + self.bias
        self.a = np.clip(self.z, -1, 1)
        self.pooled = self.a.mean(axis=1)
        scores = self.pooled @ self.out
        self.log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        self.labels = labels
        return -np.mean(np.take_along_axis(self.log_p, labels[:, None], axis=1))

    def backward(self):
        n, time, _ = self.a.shape
        d_scores = np.exp(self.log_p)
        d_scores[range(n), self.labels] -= 1
        d_scores = d_scores / n
        d_out = self.pooled.T @ d_scores
        d_pooled = d_scores @ self.out.T
        d_a = np.repeat(d_pooled[:, None, :], time, axis=1) / time
        d_z = d_a * (np.abs(self.z) < 1)
        d_kernel = np.einsum("bctw,btf->cwf", self.windows, d_z)
        d_bias = d_z.sum(axis=(0, 1))
        return {"kernel": d_kernel, "bias": d_bias, "out": d_out}


def subject(rng):
    net = TextCNN(rng, 2, 5, 3, 4)
    return net.forward, net.backward, (rng.normal(size=(6, 2, 9)), rng.integers(0, 4, 6))


FAULTS = (
    [("d_z = d_a * (np.abs(self.z) < 1)", "d_z = d_a", "missing derivative")],
    [
        (
            "d_a = np.repeat(d_pooled[:, None, :], time, axis=1) / time",
            "d_a = np.repeat(d_pooled[:, None, :], time, axis=1)",
            "missing mean",
        )
    ],
    [("d_scores[range(n), self.labels] -= 1", "d_scores[range(n), self.labels - 1] -= 1", "wrong target")],
    [
        ("d_scores = d_scores / n", "d_scores = -d_scores / n", "sign"),
        ("d_bias = d_z.sum(axis=(0, 1))", "d_bias = d_z", "not summed"),
    ],
)
