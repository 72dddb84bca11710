"""What the programs beside this file share: a registry of them by the code that must be found, data, and small nets.

A program is a function that gives the arguments of `mp.lint`: (net, loss, batch), or those and a dict of further ones;
or (f, (trained, …)) for a function that is a loss by itself.
"""

from collections import defaultdict
from functools import cache

import numpy as np

import maplet as mp
from maplet import nn
from maplet.health.lint.subject import Subject, subject_of
from maplet.nn.losses import losses

faulty = defaultdict(list)
healthy = []


def fault(code):
    """Enter a faulty program under the code of the rule that must speak."""

    def enter(program):
        faulty[code].append(program)
        return program

    return enter


def sound(program):
    """Enter a program with which all is well."""
    healthy.append(program)
    return program


@cache  # several laws ask about the same findings
def findings(program):
    """What is found in a program."""
    net, *rest = program()
    if callable(rest[0]) or isinstance(rest[0], str):
        loss, batch, *options = rest
        return mp.lint(net, loss, batch, **(options[0] if options else {}))
    return mp.lint(net, batch=rest[0])


def lint(program):
    """The codes that are found in a program."""
    return [finding.code for finding in findings(program)]


def subject_of_program(program):
    """What the rules look at in a sound program."""
    net, *rest = program()
    if callable(rest[0]) or isinstance(rest[0], str):
        loss = losses[rest[0]] if isinstance(rest[0], str) else rest[0]
        return subject_of(net, loss, rest[1])
    return Subject(net, rest[0][0], rest[0][1:])


def table(rows=40, columns=5, classes=3, seed=0):
    """Standardised inputs, and classes that depend on them."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, columns)).astype(np.float32)
    return x, (x @ rng.standard_normal((columns, classes))).argmax(axis=1)


def numbers(rows=40, columns=5, seed=0):
    """Standardised inputs, and a number for each row, as a column."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, columns)).astype(np.float32)
    return x, np.tanh(x @ rng.standard_normal((columns, 1))).astype(np.float32)


def images(rows=12, classes=4, seed=0):
    """Small images with two channels, and classes."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, 6, 6, 2)).astype(np.float32), rng.integers(0, classes, rows)


def mlp(columns=5, classes=3, hidden=16, seed=0):
    """A net with which nothing is wrong."""
    rng = mp.random.Generator(seed)
    return nn.Sequential(nn.Linear(columns, hidden, rng=rng), nn.ReLU(), nn.Linear(hidden, classes, rng=rng))


class Of(nn.Module):
    """A module with a given forward function, and parts by name."""

    def __init__(self, forward, **parts):
        vars(self).update(parts)
        self.run = forward

    def forward(self, x):
        return self.run(self, x)
