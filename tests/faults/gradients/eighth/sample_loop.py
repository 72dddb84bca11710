"""Gradients summed up sample by sample, the way that a first textbook derives them."""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


class Perceptron:
    def __init__(self, rng):
        self.w_hidden = rng.normal(size=(4, 3))
        self.b_hidden = rng.normal(size=4)
        self.w_out = rng.normal(size=4)
        self.b_out = rng.normal()

    def cost(self, samples, labels):
        self.samples, self.labels = samples, labels
        self.hidden, self.outputs = [], []
        total = 0.0
        for x, t in zip(samples, labels, strict=True):
            h = sigmoid(self.w_hidden @ x + self.b_hidden)
            o = sigmoid(self.w_out @ h + self.b_out)
            self.hidden.append(h)
            self.outputs.append(o)
            total = total + 0.5 * (o - t) ** 2
        return total / len(samples)

    def backprop(self):
        n = len(self.samples)
        gw_hidden, gb_hidden = np.zeros((4, 3)), np.zeros(4)
        gw_out, gb_out = np.zeros(4), 0.0
        for x, t, h, o in zip(self.samples, self.labels, self.hidden, self.outputs, strict=True):
            delta_o = (o - t) * o * (1 - o)
            gw_out = gw_out + delta_o * h / n
            gb_out = gb_out + delta_o / n
            delta_h = self.w_out * delta_o * h * (1 - h)
            gw_hidden = gw_hidden + np.outer(delta_h, x) / n
            gb_hidden = gb_hidden + delta_h / n
        return {"w_hidden": gw_hidden, "b_hidden": gb_hidden, "w_out": gw_out, "b_out": gb_out}


def subject(rng):
    net = Perceptron(rng)
    return net.cost, net.backprop, (rng.normal(size=(5, 3)), rng.integers(0, 2, 5).astype(float))


FAULTS = (
    [("delta_o = (o - t) * o * (1 - o)", "delta_o = o - t", "missing derivative")],
    [("gb_hidden = gb_hidden + delta_h / n", "gb_hidden = gb_hidden + delta_h", "missing mean")],
    [
        ("delta_o = (o - t) * o * (1 - o)", "delta_o = (t - o) * o * (1 - o)", "sign"),
        ("delta_h = self.w_out * delta_o * h * (1 - h)", "delta_h = self.w_out * delta_o * h", "wrong derivative"),
    ],
    [
        (
            "delta_h = self.w_out * delta_o * h * (1 - h)",
            "delta_h = self.w_out * delta_o * h * (1 - h) * h * (1 - h)",
            "extra derivative",
        ),
        ("gw_out = gw_out + delta_o * h / n", "gw_out = gw_out + delta_o * h", "missing mean"),
    ],
)
