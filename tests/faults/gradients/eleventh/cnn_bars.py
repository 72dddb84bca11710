"""Bars that stand, lie or lean: one 3x3 convolution in plain loops, ReLU, 2x2 max pooling and a softmax."""

import numpy as np

np.random.seed(3)


def make_image():
    img = np.random.randn(6, 6) * 0.15
    label = np.random.randint(3)
    at = np.random.randint(6)
    if label == 0:
        img[at, :] += 1
    elif label == 1:
        img[:, at] += 1
    else:
        img += np.eye(6)
    return img, label


class Conv3x3:
    def __init__(self, num_filters):
        self.filters = np.random.randn(num_filters, 3, 3) / 3
        self.bias = np.zeros(num_filters)

    def forward(self, img):
        self.last_img = img
        out = np.zeros((4, 4, len(self.filters)))
        for i in range(4):
            for j in range(4):
                out[i, j] = np.sum(img[i : i + 3, j : j + 3] * self.filters, axis=(1, 2)) + self.bias
        self.last_out = out
        return np.maximum(out, 0)

    def backprop(self, d_L_d_out, lr):
        d_L_d_z = d_L_d_out * (self.last_out > 0)
        d_L_d_filters = np.zeros(self.filters.shape)
        d_L_d_bias = np.zeros(self.bias.shape)
        for i in range(4):
            for j in range(4):
                for f in range(len(self.filters)):
                    d_L_d_filters[f] += d_L_d_z[i, j, f] * self.last_img[i : i + 3, j : j + 3]
                d_L_d_bias += d_L_d_z[i, j]
        self.filters -= lr * d_L_d_filters
        self.bias -= lr * d_L_d_bias


class MaxPool2:
    def forward(self, x):
        self.last_x = x
        h, w, c = x.shape
        return x.reshape(h // 2, 2, w // 2, 2, c).max(axis=(1, 3))

    def backprop(self, d_L_d_out):
        d_L_d_x = np.zeros(self.last_x.shape)
        for i in range(d_L_d_out.shape[0]):
            for j in range(d_L_d_out.shape[1]):
                for f in range(d_L_d_out.shape[2]):
                    patch = self.last_x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, f]
                    a, b = np.unravel_index(np.argmax(patch), (2, 2))
                    d_L_d_x[2 * i + a, 2 * j + b, f] = d_L_d_out[i, j, f]
        return d_L_d_x


class Softmax:
    def __init__(self, n_in, nodes):
        self.weights = np.random.randn(n_in, nodes) / np.sqrt(n_in)
        self.biases = np.zeros(nodes)

    def forward(self, x):
        self.shape = x.shape
        self.flat = x.flatten()
        totals = self.flat @ self.weights + self.biases
        exp = np.exp(totals - totals.max())
        self.out = exp / exp.sum()
        return self.out

    def backprop(self, label, lr):
        d_L_d_t = self.out.copy()
        d_L_d_t[label] -= 1
        d_L_d_w = np.outer(self.flat, d_L_d_t)
        d_L_d_inputs = self.weights @ d_L_d_t
        self.weights -= lr * d_L_d_w
        self.biases -= lr * d_L_d_t
        return d_L_d_inputs.reshape(self.shape)


conv, pool, softmax = Conv3x3(3), MaxPool2(), Softmax(2 * 2 * 3, 3)


def train(im, label, lr=0.05):
    out = softmax.forward(pool.forward(conv.forward(im)))
    loss = -np.log(out[label])
    gradient = softmax.backprop(label, lr)
    gradient = pool.backprop(gradient)
    conv.backprop(gradient, lr)
    return loss


running = 0
for i in range(80):
    loss = train(*make_image())
    running += loss
    if i % 20 == 19:
        print(f"[step {i + 1}] average loss {running / 20:.3f}")
        running = 0

FAULTS = (
    [
        (
            "        d_L_d_inputs = self.weights @ d_L_d_t\n        self.weights -= lr * d_L_d_w\n",
            "        self.weights -= lr * d_L_d_w\n        d_L_d_inputs = self.weights @ d_L_d_t\n",
            "stale weights",
        )
    ],
    [("d_L_d_z = d_L_d_out * (self.last_out > 0)", "d_L_d_z = d_L_d_out", "missing derivative")],
    [("d_L_d_t[label] -= 1", "d_L_d_t[label - 1] -= 1", "wrong target")],
    [("d_L_d_z = d_L_d_out * (self.last_out > 0)", "d_L_d_z = np.maximum(d_L_d_out, 0)", "wrong derivative")],
    [
        (
            "d_L_d_inputs = self.weights @ d_L_d_t",
            "d_L_d_inputs = self.weights @ np.clip(d_L_d_t, -0.2, 0.2)",
            "clipped",
        ),
        ("self.bias -= lr * d_L_d_bias", "self.bias += lr * d_L_d_bias", "climbs"),
    ],
)
