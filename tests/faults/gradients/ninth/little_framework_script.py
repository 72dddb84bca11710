"""A framework of a weekend: layers with forward and backward, a loss object, an SGD object, and a loop under main."""

import numpy as np


class Linear:
    def __init__(self, n_in, n_out, rng):
        self.w = rng.normal(0, 1 / np.sqrt(n_in), (n_in, n_out))
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, grad):
        self.dw = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.w.T

    def parameters(self):
        return [(self.w, self.dw), (self.b, self.db)]


class LeakyReLU:
    def __init__(self, slope=0.1):
        self.slope = slope

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.slope * x)

    def backward(self, grad):
        return grad * np.where(self.x > 0, 1, self.slope)

    def parameters(self):
        return []


class MSE:
    def forward(self, out, target):
        self.diff = out - target
        return np.mean(self.diff**2)

    def backward(self):
        return 2 * self.diff / self.diff.size


class SGD:
    def __init__(self, layers, lr):
        self.layers, self.lr = layers, lr

    def step(self):
        for layer in self.layers:
            for value, grad in layer.parameters():
                value[...] -= self.lr * grad


if __name__ == "__main__":
    rng = np.random.default_rng(4)
    x = rng.normal(size=(7, 3))
    target = np.stack([x[:, 0] * x[:, 1], np.abs(x[:, 2])], axis=1)
    net = [Linear(3, 6, rng), LeakyReLU(), Linear(6, 2, rng)]
    criterion = MSE()
    optimizer = SGD(net, lr=0.05)
    for epoch in range(40):
        out = x
        for layer in net:
            out = layer.forward(out)
        loss = criterion.forward(out, target)
        grad = criterion.backward()
        for layer in reversed(net):
            grad = layer.backward(grad)
        optimizer.step()
        if epoch % 10 == 0:
            print(f"epoch {epoch:2d} loss {loss:.4f}")

FAULTS = (
    [
        (
            "return grad * np.where(self.x > 0, 1, self.slope)",
            "return grad * np.where(self.x > 0, 1, 0)",
            "wrong derivative",
        )
    ],
    [("return 2 * self.diff / self.diff.size", "return 2 * self.diff", "missing mean")],
    [("self.db = grad.sum(axis=0)", "self.db = grad.mean(axis=0)", "extra mean")],
    [
        ("return grad * np.where(self.x > 0, 1, self.slope)", "return grad", "missing derivative"),
        ("return 2 * self.diff / self.diff.size", "return self.diff / self.diff.size", "factor"),
    ],
)
