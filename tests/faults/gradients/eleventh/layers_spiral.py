"""A small stack of layer objects on a spiral of three arms."""

import numpy as np

rng = np.random.default_rng(7)


class Dense:
    def __init__(self, n_in, n_out):
        self.W = rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out))
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T

    def step(self, lr):
        self.W += -lr * self.dW
        self.b += -lr * self.db


class LeakyReLU:
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, 0.1 * x)

    def backward(self, dout):
        return dout * np.where(self.x > 0, 1.0, 0.1)

    def step(self, lr):
        pass


class CrossEntropy:
    def forward(self, scores, labels):
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.probs = e / e.sum(axis=1, keepdims=True)
        self.labels = labels
        return -np.mean(np.log(self.probs[np.arange(len(labels)), labels] + 1e-12))

    def backward(self):
        n = len(self.labels)
        dscores = self.probs.copy()
        dscores[np.arange(n), self.labels] -= 1
        return dscores / n


points_per_arm = 15
r = np.linspace(0.1, 1, points_per_arm)
X, y = [], []
for arm in range(3):
    t = np.linspace(arm * 4, arm * 4 + 3, points_per_arm) + rng.normal(0, 0.1, points_per_arm)
    X.append(np.c_[r * np.sin(t), r * np.cos(t)])
    y += [arm] * points_per_arm
X, y = np.vstack(X), np.array(y)

layers = [Dense(2, 10), LeakyReLU(), Dense(10, 10), LeakyReLU(), Dense(10, 3)]
criterion = CrossEntropy()
for it in range(12):
    out = X
    for layer in layers:
        out = layer.forward(out)
    loss = criterion.forward(out, y)
    if it % 5 == 0:
        print(it, round(float(loss), 4))

    grad = criterion.backward()
    for layer in reversed(layers):
        grad = layer.backward(grad)
    for layer in layers:
        layer.step(0.05)

FAULTS = (
    [
        (
            "return dout * np.where(self.x > 0, 1.0, 0.1)",
            "return dout * np.where(dout > 0, 1.0, 0.1)",
            "wrong derivative",
        )
    ],
    [("return dscores / n", "return dscores", "missing mean")],
    [("self.b += -lr * self.db", "self.b += lr * self.db", "climbs")],
    [
        (
            "return dout * np.where(self.x > 0, 1.0, 0.1)",
            "return np.clip(dout, -0.005, 0.005) * np.where(self.x > 0, 1.0, 0.1)",
            "clipped",
        )
    ],
    [
        ("return dscores / n", "return dscores * self.probs * (1 - self.probs) / n", "output derivative twice"),
        ("self.db = dout.sum(axis=0)", "self.db = dout.sum()", "wrong axis"),
    ],
)
