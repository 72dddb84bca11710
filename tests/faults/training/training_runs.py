"""What the runs beside this file share: a registry of them by group, data of three kinds, nets, and broken optimizers.

Thresholds of the doctor were set with the development group alone; the held-out group measures them. A run is a
function that gives a finished run, entered with the codes that must be said of it; a healthy one with none. What a run is
entered with is what somebody would say who sees all of it: the data, the net, the losses, the predictions. Where two names
are right, such as a rate that is too high and gradients that explode of it, either will do.
"""

import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np

import maplet as mp
from maplet import nn, optim
from maplet.errors import NonFiniteError

groups = defaultdict(list)
shared = Path(__file__).parents[3].parent / "shared" / "data"


def run(group, *codes, needs=""):
    """Enter a run into a group, with the codes of which one must be said; none for a healthy run.

    One that needs a data set beside the repository is entered where this is there.
    """

    def enter(make):
        if not needs or (shared / needs).exists():
            groups[group].append((make, codes))
        return make

    return enter


def diagnosed(make):
    """What the doctor says of a run, or of as much of it as there was before NaN or infinity."""
    try:
        run = make()
    except NonFiniteError as error:
        run = error.run
    found = mp.doctor(run)
    for diagnosis in found:
        require_both_languages(diagnosis)
    return found


def require_both_languages(diagnosis):
    """All of it is said in Chinese too, with the same numbers in."""
    chinese = re.compile(r"[\u4e00-\u9fff]")
    for sentence in (diagnosis.verdict, diagnosis.advice, *diagnosis.evidence):
        assert chinese.search(sentence.zh), sentence
        assert not chinese.search(sentence), sentence
        assert set(re.findall(r"\d+(?:\.\d+)?", sentence.zh)) == set(re.findall(r"\d+(?:\.\d+)?", sentence)), sentence
    assert str(diagnosis) == diagnosis.text()
    assert diagnosis.text("zh").startswith(f"{diagnosis.code} {diagnosis.verdict.zh}（")


def said(make):
    """The codes of it."""
    return [diagnosis.code for diagnosis in diagnosed(make)]


class Kept(mp.Callback):
    """Holds on to the run, also where `fit` ends with an error instead of giving it."""

    def on_start(self, run):
        self.run = run


def fit(net, data, loss="cross_entropy", optimizer=None, **options):
    """A run as the suite wants it: watched every few steps, quiet; one that ends in NaN is a run, too."""
    options = {"epochs": 8, "batch_size": 32, "watch": 4} | options
    kept = Kept()
    options["callbacks"] = [*options.get("callbacks", ()), kept]
    options |= {"loss": loss, "optimizer": optimizer or optim.Adam(0.01), "progress": False, "lint": False}
    try:
        return mp.fit(net, data, **options)
    except NonFiniteError:
        return kept.run


def dense(*widths, activation=nn.ReLU, seed=0, **options):
    """Linear layers of these widths, from the inputs to the outputs, with an activation between any two."""
    rng = mp.random.Generator(seed)
    layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b, rng=rng, **options), activation())]
    return nn.Sequential(*layers[:-1])


def halves(data, share=0.5):
    """The first rows to train on, and the others to validate with, as `fit` takes them."""
    x, y = data
    rows = int(share * len(x))
    return (x[:rows], y[:rows]), {"validation": (x[rows:], y[rows:])}


def flipped(labels, share, classes, seed=0):
    """Labels of which a share is another class than it should be."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(labels)) < share
    return np.where(wrong, (labels + rng.integers(1, classes, len(labels))) % classes, labels)


def in_order(x, y, rows=32):
    """The rows as they come, epoch after epoch: a stream whose blocks are batches, since `fit` shuffles within a block."""
    return mp.data.Stream([(x[at : at + rows], y[at : at + rows]) for at in range(0, len(x), rows)])


def shuffled(array, seed=0):
    """The rows in any order: targets that belong to others."""
    return np.random.default_rng(seed).permutation(array)


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


def rings(rows=600, seed=0):
    """Points of the plane, and whether they lie within a ring: no line tells them apart."""
    x = np.random.default_rng(seed).standard_normal((rows, 2)).astype(np.float32)
    return x, (np.hypot(*x.T) > 1.18).astype(np.int64)


def rare(data, kind, share, seed=0):
    """The rows of two classes, of which one is made rare."""
    x, y = data
    few, many = np.flatnonzero(y == kind), np.flatnonzero(y != kind)
    rows = np.concatenate([few[: int(share * len(many))], many])
    np.random.default_rng(seed).shuffle(rows)
    return x[rows], (y[rows] == kind).astype(np.int64)


def beside(x, column):
    """The rows with one more column."""
    return np.concatenate([x, np.asarray(column, np.float32).reshape(-1, 1)], axis=1)


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


class Stale(optim.Optimizer):
    """A descent along the gradient of some steps before: a queue that is read at its wrong end."""

    def __init__(self, learning_rate, late, rule=None):
        self.late, self.behind = late, rule or optim.scale(1.0)
        super().__init__(learning_rate)

    def rule(self):
        def init(parameters):
            return [{name: mp.zeros_like(theta) for name, theta in parameters.items()} for _ in range(self.late)]

        def update(gradients, waiting, parameters):
            waiting = [{name: gradient.copy() for name, gradient in one.items()} for one in (*waiting, gradients)]
            return waiting[0], waiting[1:]

        return optim.chain(optim.Transformation(init, update), self.behind)


class NeverCleared(optim.Optimizer):
    """A descent along the sum of all gradients so far: an accumulation that nobody sets to zero."""

    def rule(self):
        def init(parameters):
            return {name: mp.zeros_like(theta) for name, theta in parameters.items()}

        def update(gradients, total, parameters):
            total = {name: total[name] + gradient for name, gradient in gradients.items()}
            return total, total

        return optim.Transformation(init, update)
