"""Of the group with which the thresholds were set: signals that die out in depth or time, and nets that cannot see."""

import numpy as np
from training_runs import dense, fit, images, numbers, run, table

import maplet as mp
from maplet import nn
from maplet.nn.initializers import Normal, Uniform
from maplet.optim import SGD, Adam


def stairs(rows=600, length=20, seed=0):
    """Sequences of which the class is which of two halves is the higher one; their means are all 0."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, rows)
    step = np.where(np.arange(length) < length // 2, 1, -1) * np.where(y, 1, -1)[:, None]
    x = step + 0.7 * rng.standard_normal((rows, length))
    return (x - x.mean(axis=1, keepdims=True)).astype(np.float32)[:, :, None], y


def told_at_the_start(length, seed=0):
    """Sequences whose class is that of three numbers in their first steps."""
    x = np.random.default_rng(seed).standard_normal((600, length, 2)).astype(np.float32)
    return x, (x[:, :3, 0].sum(axis=1) > 0).astype(np.int64)


def last(layer, seed=1):
    """The last output of a recurrent layer, and a linear layer."""
    return nn.Sequential(layer, nn.FinalOutput(), nn.Linear(layer.hidden_features, 2, rng=seed))


# ── faulty ───────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD006")
def seven_layers_from_weights_near_nothing():
    net = dense(8, 24, 24, 24, 24, 24, 24, 3, activation=nn.ELU, weight_init=Normal(0, 0.04), seed=2)
    return fit(net, table(noise=0.1), optimizer=SGD(0.1, momentum=0.9), epochs=10)


@run("development", "MD006")
def numbers_through_small_uniform_weights():
    net = dense(8, 40, 40, 40, 40, 40, 1, activation=nn.GELU, weight_init=Uniform(-0.05, 0.05), seed=3)
    return fit(net, numbers(seed=4), "mse", SGD(0.05), epochs=10)


@run("development", "MD006")
def bars_through_convolutions_that_begin_small():
    rng = mp.random.Generator(5)
    small = {"weight_init": Normal(0, 0.02), "padding": "same", "rng": rng}
    layers = [layer for n in (1, 8, 8, 8) for layer in (nn.Conv2d(n, 8, 3, **small), nn.Tanh())]
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 3, rng=rng))
    return fit(net, images(seed=6), optimizer=SGD(0.02), epochs=10)


@run("development", "MD006")
def fifty_steps_through_a_plain_layer():
    return fit(last(nn.RNN(2, 24, rng=4)), told_at_the_start(50), optimizer=Adam(0.003), epochs=8)


@run("development", "MD009")
def stairs_of_which_only_the_mean_is_seen():
    def mean(x):
        return mp.mean(x, axis=1)

    net = nn.Sequential(nn.Lambda(mean), dense(1, 16, 2, activation=nn.Tanh, seed=7))
    return fit(net, stairs(), optimizer=Adam(0.01), epochs=12)


# ── healthy ──────────────────────────────────────────────────────────────────────────────────────


@run("development")
def stairs_that_are_seen():
    return fit(nn.Sequential(nn.Flatten(), dense(20, 16, 2, seed=7)), stairs(), optimizer=Adam(0.01), epochs=8)


@run("development")
def seven_layers_from_usual_weights():
    net = dense(8, 24, 24, 24, 24, 24, 24, 3, weight_init="he_uniform", seed=2)
    return fit(net, table(noise=0.1), optimizer=Adam(0.003), epochs=30)


@run("development")
def ten_steps_through_a_plain_layer():
    return fit(last(nn.RNN(2, 24, rng=4)), told_at_the_start(10), optimizer=Adam(0.005), epochs=10)
