"""A training script around a class that updates itself."""

import numpy as np

np.random.seed(3)


class Perceptron:
    def __init__(self, inputs, hidden):
        self.W = np.random.randn(inputs, hidden)
        self.v = np.random.randn(hidden, 1)

    def train(self, x, y, rate):
        self.h = np.tanh(x.dot(self.W))
        self.out = self.h.dot(self.v)
        self.loss = np.mean((self.out - y) ** 2)
        delta = 2 * (self.out - y) / len(x)
        back = delta.dot(self.v.T) * (1 - self.h**2)
        self.v = self.v - rate * self.h.T.dot(delta)
        self.W = self.W - rate * x.T.dot(back)


x = np.random.rand(10, 3)
y = np.sin(x.sum(axis=1, keepdims=True))
rate = 0.05
model = Perceptron(3, 4)
for step in range(100):
    model.train(x, y, rate)
print(model.loss)

FAULTS = (
    [("delta.dot(self.v.T) * (1 - self.h**2)", "delta.dot(self.v.T) * (1 - self.h)", "wrong derivative")],
    [("delta = 2 * (self.out - y) / len(x)", "delta = (self.out - y) / len(x)", "factor")],
    [("delta = 2 * (self.out - y) / len(x)", "delta = 2 * (self.out - y)", "missing mean")],
    [
        (
            """        back = delta.dot(self.v.T) * (1 - self.h**2)
        self.v = self.v - rate * self.h.T.dot(delta)
""",
            """        self.v = self.v - rate * self.h.T.dot(delta)
        back = delta.dot(self.v.T) * (1 - self.h**2)
""",
            "stale weights",
        )
    ],
)
