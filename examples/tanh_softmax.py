"""One network, tanh inside and softmax at the end, on XOR and on the irises.

The article announces irises, trains on XOR, and calls `np.softmax`, which does not exist. Here the loss applies the
softmax itself, to the logits z; its gradient at them is softmax(z) − y.
"""

import numpy as np
from sklearn.datasets import load_iris

import maplet as mp
from maplet import data, nn, optim


def train(x, y, classes):
    """Descend on all rows at once; → the network."""
    net = nn.Sequential(nn.Linear(x.shape[1], 8, rng=0), nn.Tanh(), nn.Linear(8, classes, rng=1))
    optimizer = optim.SGD(0.1, momentum=0.9)
    for _ in range(100):
        optimizer.update(net, mp.grad(lambda net: nn.cross_entropy(net(x), y))(net))
    return net


def accuracy(net, x, y):
    """The share of rows whose most probable class is the true one."""
    return float(np.mean(np.argmax(mp.softmax(net(x)), axis=1) == y))


def main():
    """Train on both; → the share of right answers on XOR, and on irises that were not trained on."""
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0, 1, 1, 0])
    xor, iris = accuracy(train(x, y, classes=2), x, y), load_iris()
    rows, _, unseen = data.split(len(iris.target), (0.7, 0.0, 0.3), labels=iris.target)
    x = ((iris.data - iris.data[rows].mean(axis=0)) / iris.data[rows].std(axis=0)).astype(np.float32)
    irises = accuracy(train(x[rows], iris.target[rows], classes=3), x[unseen], iris.target[unseen])
    print(f"XOR: {xor:.0%} right; irises: {irises:.1%} of {len(unseen)} unseen ones right")
    return xor, irises


if __name__ == "__main__":
    main()
