"""A script with a main function, options of the command line, layers that update themselves, and a loss with two parts."""

import argparse

import numpy as np


class Dense:
    def __init__(self, source, inputs, outputs):
        self.weight = source.normal(0.0, inputs**-0.5, size=(inputs, outputs))
        self.bias = np.zeros(outputs)

    def __call__(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, upstream):
        self.weight_grad = self.x.T @ upstream
        self.bias_grad = upstream.sum(axis=0)
        return upstream @ self.weight.T

    def update(self, lr, penalty):
        self.weight -= lr * (self.weight_grad + penalty * self.weight)
        self.bias -= lr * self.bias_grad


class Leaky:
    def __call__(self, x):
        self.positive = x > 0
        return np.where(self.positive, x, 0.1 * x)

    def backward(self, upstream):
        return np.where(self.positive, upstream, 0.1 * upstream)

    def update(self, lr, penalty):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--penalty", type=float, default=0.3)
    options = parser.parse_args()
    source = np.random.default_rng(3)
    x, y = source.normal(size=(11, 4)), source.normal(size=(11, 2))
    layers = [Dense(source, 4, 5), Leaky(), Dense(source, 5, 2)]
    for step in range(25):
        out = x
        for layer in layers:
            out = layer(out)
        fit = np.mean(np.sum((out - y) ** 2, axis=1))
        penalty_term = 0.5 * options.penalty * sum(np.sum(layer.weight**2) for layer in layers[::2])
        loss = fit + penalty_term
        upstream = 2 * (out - y) / len(x)
        for layer in reversed(layers):
            upstream = layer.backward(upstream)
        for layer in layers:
            layer.update(options.lr, options.penalty)
        if step % 5 == 0:
            print(step, fit, loss)


if __name__ == "__main__":
    main()

FAULTS = (
    [("np.where(self.positive, upstream, 0.1 * upstream)", "upstream * self.positive", "wrong derivative")],
    [("(self.weight_grad + penalty * self.weight)", "(self.weight_grad + 2 * penalty * self.weight)", "factor")],
    [("self.bias_grad = upstream.sum(axis=0)", "self.bias_grad = upstream.mean(axis=0)", "extra mean")],
    [("upstream = 2 * (out - y) / len(x)", "upstream = 2 * (y - out) / len(x)", "sign")],
    [("self.bias -= lr * self.bias_grad", "self.bias += lr * self.bias_grad", "climbs")],
)
