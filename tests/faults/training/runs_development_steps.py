"""Of the group with which the thresholds were set: runs whose steps are the fault, MD013 to MD018 but MD016."""

import numpy as np
from runs_development import convolutional, mlp, recurrent
from runs_development_data import clouds, products, rings
from training_runs import Accumulating, Late, Rarely, fit, images, numbers, run, sequences, table

import maplet as mp
from maplet import nn, optim
from maplet.nn import initializers

# ── MD013, a batch that is too small ─────────────────────────────────────────────────────────────


@run("development", "MD013")
def one_row_of_clouds_at_a_time():
    return fit(mlp(columns=6), clouds(seed=20, distance=1.2), optimizer=optim.SGD(0.1), batch_size=1, watch=20)


@run("development", "MD013")
def two_rows_at_a_time():
    return fit(mlp(), table(noise=2.0), optimizer=optim.SGD(0.2), batch_size=2, watch=20)


@run("development", "MD013")
def numbers_two_at_a_time():
    return fit(mlp(columns=6, classes=1), products(seed=21, noise=1.0), "mse", optim.SGD(0.03), batch_size=2, watch=20)


@run("development", "MD013")
def images_two_at_a_time():
    x, y = images(seed=22)
    return fit(convolutional(), (x + 0.7 * np.random.default_rng(0).standard_normal(x.shape).astype(np.float32), y),
               optimizer=optim.Adam(0.02), batch_size=2, watch=20)  # fmt: skip


# ── MD014, NaN or infinity ───────────────────────────────────────────────────────────────────────


@run("development", "MD014")
def numbers_with_a_rate_of_ten():
    return fit(mlp(columns=6, classes=1), products(), "mse", optim.SGD(10.0))


@run("development", "MD014")
def a_logarithm_of_what_reaches_zero():
    def loss(prediction, target):
        return -mp.mean(mp.log(mp.take_along_axis(mp.softmax(prediction * 30, axis=1), target[:, None], axis=1)))

    return fit(mlp(), table(noise=0.1), loss, optim.Adam(0.02))


@run("development", "MD014")
def a_root_at_zero():
    def loss(prediction, target):
        return mp.mean(mp.sqrt(mp.square(prediction - target)))

    x, y = numbers()
    y[300:320] = 0
    net = mlp(classes=1)
    net.layers[2] = nn.Linear(32, 1, weight_init="zeros")
    return fit(net, (x, y), loss, optim.SGD(0.01))


@run("development", "MD014")
def one_number_of_the_data_out_of_all_bounds():
    x, y = products(seed=23)
    y[77] = 3e25
    return fit(mlp(columns=6, classes=1), (x, y), "mse", optim.SGD(0.001))


# ── MD015, symmetric units ───────────────────────────────────────────────────────────────────────


@run("development", "MD015")
def weights_that_are_all_alike():
    net = nn.Sequential(
        nn.Linear(8, 32, weight_init=initializers.Constant(0.1)),
        nn.ReLU(),
        nn.Linear(32, 3, weight_init=initializers.Constant(0.1)),
    )
    return fit(net, table())


@run("development", "MD015")
def zeros_in_front_of_tanh():
    net = nn.Sequential(
        nn.Linear(4, 32, weight_init="zeros"), nn.Tanh(), nn.Linear(32, 16, weight_init="zeros"), nn.Tanh(),
        nn.Linear(16, 3, weight_init="zeros"),
    )  # fmt: skip
    return fit(net, rings(), epochs=12)


@run("development", "MD015")
def filters_that_begin_equal():
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, weight_init=initializers.Constant(0.1)), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(72, 3, weight_init=initializers.Constant(0.01)),
    )  # fmt: skip
    return fit(net, images())


# ── MD017, stale gradients ───────────────────────────────────────────────────────────────────────


@run("development", "MD017")
def gradients_of_the_step_before():
    return fit(mlp(), table(), optimizer=Late(0.1))


@run("development", "MD017")
def gradients_that_are_never_cleared():
    return fit(mlp(columns=6), clouds(seed=24), optimizer=Accumulating(0.003))


@run("development", "MD017")
def gradients_that_are_computed_every_eighth_step():
    return fit(recurrent(), sequences(), optimizer=Rarely(0.1))


# ── MD018, exploding gradients ───────────────────────────────────────────────────────────────────


@run("development", "MD018")
def a_deep_net_with_large_weights():
    net = mlp(depth=8, hidden=32)
    rng = np.random.default_rng(0)
    for layer in net.layers[:-1:2]:
        layer.weight = mp.Parameter(mp.asarray(rng.standard_normal(layer.weight.shape).astype(np.float32)))
    return fit(net, table(), optimizer=optim.SGD(0.001))


@run("development", "MD018")
def a_deep_leaky_net_with_large_weights():
    net = mlp(depth=10, hidden=32, activation=nn.LeakyReLU, columns=6, classes=1)
    rng = np.random.default_rng(0)
    for layer in net.layers[:-1:2]:
        layer.weight = mp.Parameter(mp.asarray(0.5 * rng.standard_normal(layer.weight.shape).astype(np.float32)))
    return fit(net, products(seed=25), "mse", optim.Adam(0.001))


@run("development", "MD018")
def a_recurrent_net_with_large_weights():
    net = nn.Sequential(nn.RNN(3, 16, activation="relu", rng=0), nn.FinalOutput(), nn.Linear(16, 2, rng=1))
    cell = net.layers[0].cells[0][0]
    cell.recurrent_weight = mp.Parameter(3 * cell.recurrent_weight)
    return fit(net, sequences(length=20), optimizer=optim.SGD(0.001))
