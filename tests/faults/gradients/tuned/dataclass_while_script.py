"""A script with dataclasses, a generator of batches, a step method, and a loss method that is called apart."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Config:
    learning_rate: float = 0.2
    steps: int = 12
    seed: int = 9


@dataclass
class Model:
    config: Config
    weights: list = field(default_factory=list)

    def __post_init__(self):
        source = np.random.default_rng(self.config.seed)
        self.weights = [source.normal(size=(3, 4)), source.normal(size=(4, 2))]

    def forward(self, x):
        self.x = x
        self.hidden = np.sin(x @ self.weights[0])
        return self.hidden @ self.weights[1]

    def loss(self, prediction, y):
        return np.mean(np.abs(prediction - y) ** 3)

    def step(self, prediction, y):
        difference = prediction - y
        upstream = 3 * difference**2 * np.sign(difference) / difference.size
        gradients = [
            self.x.T @ ((upstream @ self.weights[1].T) * np.cos(self.x @ self.weights[0])),
            self.hidden.T @ upstream,
        ]
        self.weights = [w - self.config.learning_rate * g for w, g in zip(self.weights, gradients)]


def batches(x, y, size):
    while True:
        for start in range(0, len(x), size):
            yield x[start : start + size], y[start : start + size]


def train():
    config = Config()
    source = np.random.default_rng(1)
    x, y = source.normal(size=(12, 3)), source.normal(size=(12, 2))
    model, feed, done = Model(config), batches(x, y, 4), 0
    while done < config.steps:
        xb, yb = next(feed)
        prediction = model.forward(xb)
        value = model.loss(prediction, yb)
        model.step(prediction, yb)
        done += 1
    return value


print(train())

FAULTS = (
    [("* np.cos(self.x @ self.weights[0])", "* np.cos(self.hidden)", "derivative at the output")],
    [("[w - self.config", "[w + self.config", "climbs")],
    [("difference = prediction - y", "difference = y - prediction", "sign")],
    [("/ difference.size", "/ len(difference)", "missing mean")],
)
