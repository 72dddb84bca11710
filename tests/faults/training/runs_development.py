"""The group with which the thresholds of the doctor were set."""

import numpy as np
from training_runs import Climbing, fit, images, numbers, run, sequences, table

import maplet as mp
from maplet import nn, optim


def mlp(columns=8, classes=3, *, hidden=32, activation=nn.ReLU, depth=1, seed=0, **options):
    rng = mp.random.Generator(seed)
    layers = [nn.Linear(columns, hidden, rng=rng, **options), activation()]
    for _ in range(depth - 1):
        layers += [nn.Linear(hidden, hidden, rng=rng, **options), activation()]
    return nn.Sequential(*layers, nn.Linear(hidden, classes, rng=rng, **options))


def convolutional(seed=0):
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, rng=seed), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 3, rng=seed + 1)
    )


def recurrent(seed=0):
    return nn.Sequential(nn.GRU(3, 12, rng=seed), nn.FinalOutput(), nn.Linear(12, 2, rng=seed + 1))


# ── faulty ───────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD001")
def climbing_a_table():
    return fit(mlp(), table(), optimizer=Climbing(0.01), epochs=4)


@run("development", "MD001")
def climbing_images():
    return fit(convolutional(), images(), optimizer=Climbing(0.003), epochs=4)


@run("development", "MD002")
def a_rate_that_is_too_high():
    return fit(mlp(classes=1), numbers(), "mae", optim.SGD(2.0))


@run("development", "MD002")
def adam_with_a_rate_of_three():
    return fit(mlp(depth=2), table(), optimizer=optim.Adam(3.0))


@run("development", "MD002")
def images_with_a_rate_that_is_too_high():
    return fit(convolutional(), images(), optimizer=optim.SGD(20.0))


@run("development", "MD003")
def a_rate_that_is_too_low():
    return fit(mlp(), table(), optimizer=optim.SGD(1e-6))


@run("development", "MD003")
def adam_with_a_rate_that_is_too_low():
    return fit(recurrent(), sequences(), optimizer=optim.Adam(1e-8), epochs=4)


@run("development", "MD004")
def targets_of_other_rows():
    x, y = table(rows=3000)
    net = mlp(hidden=4)
    net.layers[2] = nn.Linear(4, 3, weight_init="zeros")
    return fit(net, (x, np.random.default_rng(5).permutation(y)), optimizer=optim.Adam(0.003), epochs=10)


@run("development", "MD004")
def images_with_labels_of_others():
    x, y = images(rows=1500)
    return fit(convolutional(), (x, np.random.default_rng(6).permutation(y)), optimizer=optim.SGD(0.02), epochs=9)


@run("development", "MD005")
def noisy_numbers_by_heart():
    x, y = numbers(rows=160, noise=1.0)
    return fit(mlp(classes=1, hidden=128), (x[:80], y[:80]), "mse", epochs=80, validation=(x[80:], y[80:]))


@run("development", "MD006")
def a_deep_net_of_sigmoids_for_images():
    return fit(nn.Sequential(nn.Flatten(), mlp(64, depth=8, activation=nn.Sigmoid)), images(), optimizer=optim.SGD(0.1))


@run("development", "MD007")
def images_through_units_that_died():
    net = convolutional()
    net.layers[0].bias = mp.Parameter(mp.full((8,), -20.0))
    return fit(net, images(), optimizer=optim.SGD(0.05))


@run("development", "MD008")
def sigmoids_of_numbers_that_are_not_scaled():
    x, y = numbers()
    return fit(mlp(classes=1, activation=nn.Sigmoid), (300 * x, y), "mse", optim.SGD(0.01))


@run("development", "MD005")
def few_rows_by_heart():
    x, y = table(rows=140, noise=3.0)
    options = {"validation": (x[60:], y[60:]), "epochs": 60}
    return fit(mlp(hidden=128), (x[:60], y[:60]), **options)


@run("development", "MD006")
def a_deep_net_of_sigmoids():
    return fit(mlp(depth=7, activation=nn.Sigmoid), table(), optimizer=optim.SGD(0.05))


@run("development", "MD007")
def units_that_died():
    net = mlp(hidden=64)
    net.layers[0].bias = mp.Parameter(mp.full((64,), -12.0))
    return fit(net, table(), optimizer=optim.SGD(0.05))


@run("development", "MD008")
def saturated_units():
    x, y = table()
    return fit(mlp(activation=nn.Tanh), (100 * x, y), optimizer=optim.SGD(0.01))


# ── healthy ──────────────────────────────────────────────────────────────────────────────────────


@run("development")
def a_table():
    return fit(mlp(), table())


@run("development")
def a_table_with_plain_descent():
    return fit(mlp(), table(), optimizer=optim.SGD(0.1))


@run("development")
def a_table_with_momentum_and_validation():
    x, y = table()
    return fit(
        mlp(), (x[:500], y[:500]), optimizer=optim.SGD(0.05, momentum=0.9), validation=(x[500:], y[500:]), epochs=12
    )


@run("development")
def numbers_of_a_table():
    return fit(mlp(classes=1, hidden=64), numbers(), "mse", optim.Adam(0.003), epochs=20)


@run("development")
def images_of_bars():
    return fit(convolutional(), images())


@run("development")
def images_of_bars_with_normalization():
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, bias=False, rng=0), nn.BatchNorm(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.3, rng=2), nn.Linear(72, 3, rng=1),
    )  # fmt: skip
    return fit(net, images())


@run("development")
def sequences_with_a_gru():
    return fit(recurrent(), sequences())


@run("development")
def a_deep_net_with_relus():
    return fit(mlp(depth=5), table(), optimizer=optim.Adam(0.003))


@run("development")
def a_long_run_to_its_end():
    return fit(mlp(), table(rows=320, noise=0.0), epochs=40)


@run("development")
def a_net_with_tanh():
    return fit(mlp(activation=nn.Tanh, depth=2), table(), optimizer=optim.SGD(0.1, momentum=0.9))


@run("development")
def small_batches():
    return fit(mlp(), table(), batch_size=8, optimizer=optim.SGD(0.02), epochs=4)


@run("development")
def a_rate_that_falls():
    return fit(mlp(), table(), optimizer=optim.Adam(optim.Cosine(0.01, 160)))
