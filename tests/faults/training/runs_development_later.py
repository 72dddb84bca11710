"""Of the group with which the thresholds were set: written after the first measurement on the held-out group.

Each stands for a kind of mistake that was seen there, with another cause than in the runs before, on data of its own.
"""

import numpy as np
from runs_development import mlp
from runs_development_data import clouds, products
from runs_development_healthy import healthy
from training_runs import fit, halves, numbers, run, table

import maplet as mp
from maplet import nn, optim
from maplet.nn import initializers


def remembered(rows=600, length=12, seed=0):
    """Sequences, of which the class is the sign of the first step: an honest task, not a leak."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, length, 3)).astype(np.float32)
    return x, (x[:, 0, 0] > 0).astype(np.int64)


class Turning(optim.SGD):
    """A descent that begins to climb after fifty steps."""

    def update(self, target, gradients):
        sign = mp.where(self.steps < 50, 1.0, -1.0)
        super().update(target, {name: sign * gradient for name, gradient in gradients.items()})


@run("development", "MD001")
def a_descent_that_turns_round():
    return fit(mlp(), table(seed=60), optimizer=Turning(0.05))


@run("development", "MD002", "MD018")
def long_steps_that_kill_the_units():
    return fit(mlp(depth=3), table(seed=62), optimizer=optim.SGD(1.5, momentum=0.9))


@run("development", "MD006", "MD004")
def five_layers_of_sigmoids():
    return fit(mlp(depth=5, activation=nn.Sigmoid), table(seed=63), optimizer=optim.SGD(0.05))


@run("development", "MD006", "MD004")
def weights_that_begin_too_small_in_a_deep_net():
    net = mlp(depth=6, activation=nn.Tanh, weight_init=initializers.Normal(0.0, 0.02))
    return fit(net, table(seed=64), optimizer=optim.SGD(0.02))


@run("development", "MD008", "MD006")
def sigmoids_that_begin_saturated():
    net = nn.Sequential(
        nn.Linear(8, 32, weight_init=initializers.Normal(0.0, 30.0), rng=0), nn.Sigmoid(),
        nn.Linear(32, 16, weight_init=initializers.Normal(0.0, 30.0), rng=1), nn.Sigmoid(), nn.Linear(16, 3, rng=2),
    )  # fmt: skip
    return fit(net, table(seed=65), optimizer=optim.SGD(0.01))


@run("development", "MD019", "MD009", "MD004")
def decay_that_leaves_nothing():
    return fit(mlp(columns=6, classes=1), products(seed=66), "mse", optim.SGD(0.05, weight_decay=1.0), epochs=12)


@run("development", "MD015", "MD004")
def nothing_but_zeros():
    net = nn.Sequential(
        nn.Linear(6, 16, weight_init="zeros"), nn.ReLU(), nn.Linear(16, 3, weight_init="zeros", bias_init="zeros")
    )
    return fit(net, clouds(seed=67), optimizer=optim.Adam(0.01))


@run("development", "MD015")
def units_that_are_nearly_alike():
    net = mlp(columns=6)
    for layer in (net.layers[0], net.layers[2]):
        noise = 1e-5 * np.random.default_rng(0).standard_normal(layer.weight.shape)
        layer.weight = mp.Parameter(mp.asarray((0.1 + noise).astype(np.float32)))
    return fit(net, clouds(seed=68), optimizer=optim.SGD(0.05))


@run("development", "MD018")
def leaky_layers_that_double_the_gradient():
    net = mlp(depth=9, hidden=32, activation=nn.LeakyReLU, weight_init=initializers.Normal(0.0, 0.5))
    return fit(net, table(seed=69), optimizer=optim.SGD(1e-6))


for seed in (151, 153, 154):

    def remembered_rows(seed=seed):
        train, valid = halves(numbers(rows=300, columns=4, seed=seed), 0.15)
        net = mlp(4, 1, hidden=128, depth=2, seed=seed)
        return fit(net, train, "mse", optim.Adam(0.003), epochs=150, batch_size=8, watch=20, **valid)

    remembered_rows.__name__ = f"rows_by_heart_while_the_others_stay_{seed}"
    run("development", "MD005")(remembered_rows)


@healthy
def few_rows_by_heart_and_the_others_well(seed):
    """The training loss is far below the other, which has long settled; the answers are good all the same."""
    train, valid = halves(numbers(rows=300, columns=2, seed=seed, noise=0.05), 0.5)
    net = mlp(2, 1, hidden=64, seed=seed)
    return fit(net, train, "mse", optim.Adam(0.01), epochs=60, batch_size=16, seed=seed, watch=10, **valid)


@healthy
def the_first_step_of_a_sequence(seed):
    net = nn.Sequential(nn.LSTM(3, 16, rng=seed), nn.FinalOutput(), nn.Linear(16, 2, rng=seed + 1))
    return fit(net, remembered(seed=seed, length=4), optimizer=optim.Adam(0.02), epochs=15, seed=seed)


@healthy
def many_numbers_from_few(seed):
    """Curves of thirty points, drawn from four numbers."""
    rng = np.random.default_rng(seed)
    x, at = rng.standard_normal((600, 4)).astype(np.float32), np.linspace(0, 6, 30)
    y = x[:, :1] * np.sin(at) + x[:, 1:2] * np.cos(at * (1 + 0.2 * x[:, 2:3])) + 0.3 * x[:, 3:]
    net = mlp(columns=4, classes=30, hidden=48, seed=seed)
    return fit(net, (x, y.astype(np.float32)), "mse", optim.Adam(0.005), epochs=15, seed=seed)


@healthy
def noisy_numbers_through_a_narrow_middle(seed):
    """What is lost in the middle cannot be given back, although the inputs tell it all."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((600, 2)) @ rng.standard_normal((2, 12)) + rng.standard_normal((600, 12))
    net = nn.Sequential(nn.Linear(12, 24, rng=seed), nn.Tanh(), nn.Linear(24, 2, rng=seed + 1), nn.Linear(2, 12, rng=seed + 2))  # fmt: skip
    return fit(net, (x.astype(np.float32), x.astype(np.float32)), "mse", optim.Adam(0.01), epochs=20, seed=seed)


@healthy
def a_good_decay(seed):
    return fit(mlp(columns=6, seed=seed), clouds(seed=seed), optimizer=optim.SGD(0.1, weight_decay=0.01), epochs=12, seed=seed)  # fmt: skip
