"""What the runs beside this file share: a registry of them by group, and data of three kinds.

Thresholds of the doctor were set with the development group alone; the held-out group measures them. A run is a
function that gives a finished run, entered with the codes that must be said of it; a healthy one with none.
"""

from collections import defaultdict

import numpy as np

import maplet as mp
from maplet import optim
from maplet.errors import NonFiniteError

groups = defaultdict(list)


def run(group, *codes):
    """Enter a run into a group, with the codes of which one must be said; none for a healthy run."""

    def enter(make):
        groups[group].append((make, codes))
        return make

    return enter


def said(make):
    """The codes that the doctor says of a run, or of as much of it as there was before NaN or infinity."""
    try:
        run = make()
    except NonFiniteError as error:
        run = error.run
    return [diagnosis.code for diagnosis in mp.doctor(run)]


def fit(net, data, loss="cross_entropy", optimizer=None, **options):
    """A run as the suite wants it: watched every few steps, quiet."""
    options = {"epochs": 8, "batch_size": 32, "watch": 4} | options
    return mp.fit(net, data, loss=loss, optimizer=optimizer or optim.Adam(0.01), progress=False, lint=False, **options)


def table(rows=640, columns=8, classes=3, seed=0, noise=0.5):
    """Rows of standardised numbers, whose class depends on them in no straight line."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, columns)).astype(np.float32)
    scores = np.tanh(x @ rng.standard_normal((columns, 12))) @ rng.standard_normal((12, classes))
    return x, (scores + noise * rng.standard_normal(scores.shape)).argmax(axis=1)


def numbers(rows=640, columns=8, seed=0, noise=0.1):
    """Rows, and a number for each as a column."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, columns)).astype(np.float32)
    y = np.sin(x @ rng.standard_normal((columns, 1))) + noise * rng.standard_normal((rows, 1))
    return x, y.astype(np.float32)


def images(rows=480, classes=3, seed=0):
    """Images of a bright bar, whose direction is the class."""
    rng = np.random.default_rng(seed)
    x = 0.3 * rng.standard_normal((rows, 8, 8, 1)).astype(np.float32)
    y = rng.integers(0, classes, rows)
    for n, kind in enumerate(y):
        at = rng.integers(1, 7)
        if kind == 0:
            x[n, at, :, 0] += 1
        elif kind == 1:
            x[n, :, at, 0] += 1
        else:
            x[n, np.arange(8), np.arange(8), 0] += 1
    return x, y


def sequences(rows=480, length=10, seed=0):
    """Sequences, of which the class is the sign of the mean of a column."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, length, 3)).astype(np.float32)
    return x, (x[:, :, 0].mean(axis=1) > 0).astype(np.int64)


class Climbing(optim.SGD):
    """A descent whose sign is turned round."""

    def update(self, target, gradients):
        super().update(target, {name: -gradient for name, gradient in gradients.items()})


class Late(optim.SGD):
    """A descent that follows the gradient of the step before."""

    def init(self, target):
        super().init(target)
        self.before = {name: mp.zeros_like(parameter) for name, parameter in target.parameters().items()}

    def update(self, target, gradients):
        before, self.before = self.before, dict(gradients)
        super().update(target, before)


class Accumulating(Late):
    """A descent that adds each gradient to those before, and never clears them."""

    def update(self, target, gradients):
        self.before = {name: self.before[name] + gradient for name, gradient in gradients.items()}
        optim.SGD.update(self, target, self.before)


class Rarely(Late):
    """A descent that looks at the gradient only in every eighth step, and follows it until the next time."""

    def update(self, target, gradients):
        new = self.steps % 8 == 0
        self.before = {name: mp.where(new, gradient, self.before[name]) for name, gradient in gradients.items()}
        optim.SGD.update(self, target, self.before)
