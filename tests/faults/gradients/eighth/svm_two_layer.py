"""A course's two-layer net: affine, ReLU, affine, the multiclass SVM loss, and L2 on the weights."""

import numpy as np


class TwoLayerNet:
    def __init__(self, rng, input_size, hidden_size, output_size, reg=0.3):
        self.reg = reg
        self.params = {
            "W1": rng.normal(size=(input_size, hidden_size)),
            "b1": 0.1 * rng.normal(size=hidden_size),
            "W2": rng.normal(size=(hidden_size, output_size)),
            "b2": 0.1 * rng.normal(size=output_size),
        }

    def loss(self, X, y):
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        N = X.shape[0]
        h = np.maximum(0, X.dot(W1) + b1)
        scores = h.dot(W2) + b2
        correct = scores[np.arange(N), y][:, np.newaxis]
        margins = np.maximum(0, scores - correct + 1.0)
        margins[np.arange(N), y] = 0
        data_loss = np.sum(margins) / N
        reg_loss = 0.5 * self.reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        self.cache = (X, y, h, margins)
        return data_loss + reg_loss

    def backward(self):
        X, y, h, margins = self.cache
        W1, W2 = self.params["W1"], self.params["W2"]
        N = X.shape[0]
        binary = (margins > 0).astype(float)
        row_sum = np.sum(binary, axis=1)
        binary[np.arange(N), y] = -row_sum
        dscores = binary / N
        grads = {}
        grads["W2"] = h.T.dot(dscores) + self.reg * W2
        grads["b2"] = np.sum(dscores, axis=0)
        dh = dscores.dot(W2.T)
        dh[h <= 0] = 0
        grads["W1"] = X.T.dot(dh) + self.reg * W1
        grads["b1"] = np.sum(dh, axis=0)
        return grads


def subject(rng):
    net = TwoLayerNet(rng, 4, 6, 3)
    return net.loss, net.backward, (rng.normal(size=(7, 4)), rng.integers(0, 3, 7))


FAULTS = (
    [("        dh[h <= 0] = 0\n", "", "missing derivative")],
    [("dscores = binary / N", "dscores = binary", "missing mean")],
    [
        ("h.T.dot(dscores) + self.reg * W2", "h.T.dot(dscores) + 2 * self.reg * W2", "factor"),
        ("X.T.dot(dh) + self.reg * W1", "X.T.dot(dh)", "missing path"),
    ],
    [
        (
            'grads["b2"] = np.sum(dscores, axis=0)',
            'grads["b2"] = np.sum(dscores, axis=0) + self.reg * self.params["b2"]',
            "extra path",
        ),
    ],
)
