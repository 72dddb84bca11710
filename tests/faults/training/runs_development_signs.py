"""Of the group with which the thresholds were set: signs turned round, and losses that may well be below 0."""

import numpy as np
from runs_development import mlp
from runs_development_healthy import healthy
from training_runs import Climbing, dense, fit, numbers, run, table

import maplet as mp
from maplet import nn
from maplet.nn.initializers import Normal
from maplet.optim import SGD, Adam


def minus(loss):
    """A loss whose sign is turned round."""
    return lambda prediction, target: -loss(prediction, target)


def faulty(make):
    """Updates or losses with the wrong sign."""
    return run("development", "MD001")(make)


for seed, rate in enumerate((0.003, 0.003, 0.01, 0.1)):

    def climbed(seed=seed, rate=rate):
        x, y = numbers(seed=seed)
        return fit(dense(8, 32, 32, 1, seed=seed), (x, 3 * y), "mse", Climbing(rate), epochs=100, watch=10)

    climbed.__name__ = f"climbing_to_nan_at_the_rate_{rate}_{seed}"
    faulty(climbed)


@faulty
def a_mean_square_with_the_wrong_sign():
    return fit(mlp(classes=1), numbers(seed=140), minus(nn.mse), Adam(0.001), epochs=20)


@faulty
def a_mean_square_with_the_wrong_sign_that_ends_in_infinity():
    return fit(mlp(classes=1), numbers(seed=141), minus(nn.mse), SGD(0.05), epochs=20)


@faulty
def the_entropy_with_the_wrong_sign():
    return fit(mlp(), table(seed=142), minus(nn.cross_entropy), Adam(0.003), epochs=12)


@faulty
def an_absolute_error_with_the_wrong_sign():
    return fit(mlp(classes=1), numbers(seed=143), minus(nn.mae), SGD(0.003), epochs=20)


for depth, weight, optimizer in (
    (6, 0.5, Adam(0.001)),
    (8, 0.6, SGD(1e-9)),
    (10, 0.6, SGD(1e-9)),
    (10, 0.5, Adam(0.01)),
):

    def exploded(depth=depth, weight=weight, optimizer=optimizer):
        net = mlp(depth=depth, classes=1, weight_init=Normal(0.0, weight))
        return fit(net, numbers(rows=400, seed=depth), "mse", optimizer, epochs=20, batch_size=16, watch=10)

    exploded.__name__ = f"{depth}_layers_with_weights_of_{weight}_and_{type(optimizer).__name__}"
    run("development", "MD018")(exploded)


@healthy
def directions_by_their_cosine(seed):
    """A loss that is −1 at best, of answers whose length is nobody's concern."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((600, 6)).astype(np.float32)
    y = np.tanh(x @ rng.standard_normal((6, 3))).astype(np.float32)

    def loss(prediction, target):
        lengths = mp.sqrt(mp.sum(prediction**2, axis=1) * mp.sum(target**2, axis=1) + 1e-6)
        return -mp.mean(mp.sum(prediction * target, axis=1) / lengths)

    return fit(mlp(6, 3, seed=seed), (x, y), loss, Adam(0.005), epochs=15, seed=seed)


@healthy
def a_likelihood_of_narrow_numbers(seed):
    """The logarithm of a normal density is positive where that is narrow: the loss goes below 0."""
    x, y = numbers(rows=700, columns=3, seed=seed, noise=0.05)

    def loss(prediction, target):
        return mp.mean(0.5 * ((prediction - target) / 0.1) ** 2 - 2.0)

    return fit(mlp(3, 1, hidden=64, seed=seed), (x, y), loss, Adam(0.005), epochs=25, seed=seed)
