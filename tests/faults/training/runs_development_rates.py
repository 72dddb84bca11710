"""Of the group with which the thresholds were set: learning rates, where single batches differ much or dropout hides it."""

import numpy as np
from runs_development import mlp
from runs_development_healthy import healthy
from training_runs import dense, fit, halves, numbers, run, table

import maplet as mp
from maplet import nn
from maplet.optim import SGD, Adam


def heavy(rows=400, seed=0, freedom=3):
    """Numbers whose noise is of Student's t: a batch or two have most of the loss."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 5))
    y = x[:, :1] + 0.5 * x[:, 1:2] ** 2 + rng.standard_t(freedom, (rows, 1))
    return x.astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)


def forgetful(columns=8, outputs=1, seed=0):
    """The net of the command line: two layers, each with a little dropout behind it."""
    rng = mp.random.Generator(seed)
    layers = [(nn.Linear(a, b, rng=rng), nn.ReLU(), nn.Dropout(0.1, rng=rng)) for a, b in ((columns, 128), (128, 64))]
    return nn.Sequential(*(one for some in layers for one in some), nn.Linear(64, outputs, rng=rng))


# ── faulty ───────────────────────────────────────────────────────────────────────────────────────


def too_high(rate, seed):
    """Rows to train on and to validate with, and the net of the command line."""
    train, valid = halves(numbers(rows=400, seed=seed, noise=0.3), 0.8)
    return fit(forgetful(seed=seed), train, "mse", Adam(rate), epochs=16, seed=seed, watch=10, **valid)


for seed, rate in enumerate((0.1, 0.3, 1.0, 3.0, 10.0)):

    def blown_up(rate=rate, seed=seed):
        return too_high(rate, 120 + seed)

    blown_up.__name__ = f"a_forgetful_net_at_the_rate_{rate}"
    run("development", "MD002")(blown_up)


@run("development", "MD002")
def adam_that_sways_high_above_what_it_could_reach():
    return fit(dense(8, 48, 3, seed=1), table(seed=1), optimizer=Adam(0.3), epochs=20, seed=1)


@run("development", "MD002")
def adam_that_came_down_from_twenty_and_sways():
    return fit(dense(8, 48, 3, seed=2), table(seed=126), optimizer=Adam(1.0), epochs=20)


@run("development", "MD002")
def descent_that_sways_high_above_what_it_could_reach():
    return fit(dense(8, 48, 3, seed=1), table(seed=1), optimizer=SGD(3.0), epochs=20, seed=1)


@run("development", "MD002")
def momentum_that_sways_high_above_what_it_could_reach():
    return fit(dense(8, 48, 3, seed=1), table(seed=1), optimizer=SGD(0.3, momentum=0.9), epochs=20, seed=1)


for seed in range(130, 136):

    def hardly_moved(seed=seed):
        return fit(dense(5, 32, 1, seed=seed), heavy(seed=seed), "mse", SGD(1e-6), epochs=12, batch_size=16, seed=seed)

    hardly_moved.__name__ = f"heavy_noise_and_a_rate_that_is_too_low_{seed}"
    run("development", "MD003")(hardly_moved)


@run("development", "MD007")
def units_that_were_never_alive_whatever_the_first_batch_says():
    net = mlp(columns=5, classes=1)
    net.layers[0].bias = mp.Parameter(mp.full((32,), -30.0))
    return fit(net, heavy(seed=110), "mse", SGD(0.01), epochs=12, batch_size=16)


# ── healthy ──────────────────────────────────────────────────────────────────────────────────────


@healthy
def heavy_noise_that_is_learned_slowly(seed):
    return fit(dense(5, 32, 1, seed=seed), heavy(seed=seed), "mse", Adam(0.001), epochs=30, batch_size=16, seed=seed)


@healthy
def heavy_noise_that_is_learned_quickly(seed):
    return fit(dense(5, 32, 1, seed=seed), heavy(seed=seed), "mse", Adam(0.01), epochs=20, batch_size=16, seed=seed)


@healthy
def heavier_noise_and_an_unlucky_first_batch(seed):
    x, y = heavy(seed=seed, freedom=2.5)
    calm = np.argsort(np.abs(y[:, 0]))  # what the first epoch begins with is drawn: many of the rows are calm
    rows = np.concatenate([calm, calm[:200]])
    return fit(dense(5, 32, 1, seed=seed), (x[rows], y[rows]), "mse", Adam(0.003), epochs=20, batch_size=16, seed=seed)


@healthy
def a_forgetful_net_at_the_usual_rate(seed):
    train, valid = halves(numbers(rows=1200, columns=4, seed=seed, noise=0.3), 0.8)
    return fit(forgetful(4, seed=seed), train, "mse", Adam(0.003), epochs=16, seed=seed, watch=10, **valid)


@healthy
def a_forgetful_net_at_a_high_rate_of_descent(seed):
    train, valid = halves(table(rows=1200, seed=seed), 0.8)
    return fit(forgetful(outputs=3, seed=seed), train, optimizer=SGD(0.3), epochs=10, seed=seed, watch=10, **valid)
