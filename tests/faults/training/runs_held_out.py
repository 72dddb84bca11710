"""The group that measures the doctor: other data, other nets, other faults of the same kinds."""

from itertools import pairwise

import numpy as np
import pytest
from training_runs import Climbing, fit, numbers, run, sequences

import maplet as mp
from maplet import nn, optim

datasets = pytest.importorskip(
    "sklearn.datasets", reason="data sets come with scikit-learn: pip install maplet[examples]"
)


def standardised(loaded):
    x = (loaded.data - loaded.data.mean(axis=0)) / (loaded.data.std(axis=0) + 1e-9)
    return x.astype(np.float32), loaded.target


def tumours():
    return standardised(datasets.load_breast_cancer())


def wines():
    return standardised(datasets.load_wine())


def diabetes():
    x, y = standardised(datasets.load_diabetes())
    return x, ((y - y.mean()) / y.std()).astype(np.float32)[:, None]


def digits(rows=800):
    loaded = datasets.load_digits()
    return (loaded.images[:rows, :, :, None] / 16).astype(np.float32), loaded.target[:rows]


def classifier(columns, classes, width=48, activation=nn.ReLU, layers=2):
    rng = mp.random.Generator(11)
    widths = [columns, *[width] * layers]
    inner = [
        layer
        for a, b in pairwise(widths)
        for layer in (nn.Linear(a, b, weight_init="he_uniform", rng=rng), activation())
    ]
    return nn.Sequential(*inner, nn.Linear(width, classes, rng=rng))


def reader_of_digits():
    rng = mp.random.Generator(12)
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, rng=rng), nn.GELU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(108, 32, rng=rng), nn.ReLU(),
        nn.Linear(32, 10, rng=rng),
    )  # fmt: skip


def lstm():
    rng = mp.random.Generator(13)
    return nn.Sequential(nn.LSTM(3, 16, rng=rng), nn.FinalOutput(), nn.Linear(16, 2, rng=rng))


# ── faulty ───────────────────────────────────────────────────────────────────────────────────────


@run("held out", "MD001")
def tumours_climbed():
    return fit(classifier(30, 2), tumours(), optimizer=Climbing(0.001))


@run("held out", "MD001")
def a_loss_with_the_wrong_sign_of_the_update_on_sequences():
    return fit(lstm(), sequences(seed=4), optimizer=Climbing(0.05, momentum=0.5))


@run("held out", "MD002")
def wines_with_a_rate_that_is_too_high():
    return fit(classifier(13, 3), wines(), optimizer=optim.SGD(4.0), epochs=20)


@run("held out", "MD002")
def digits_with_adam_at_a_half():
    return fit(reader_of_digits(), digits(), optimizer=optim.Adam(0.5), epochs=5)


@run("held out", "MD002")
def sequences_with_a_rate_that_is_too_high():
    return fit(lstm(), sequences(seed=5), optimizer=optim.RMSprop(1.0))


@run("held out", "MD003")
def diabetes_with_a_rate_that_is_too_low():
    return fit(classifier(10, 1), diabetes(), "mse", optim.SGD(1e-7, momentum=0.9))


@run("held out", "MD003")
def digits_with_a_rate_that_is_too_low():
    return fit(reader_of_digits(), digits(), optimizer=optim.AdamW(1e-8), epochs=4)


@run("held out", "MD004")
def digits_with_labels_of_others():
    x, y = digits(1600)
    return fit(reader_of_digits(), (x, np.random.default_rng(1).permutation(y)), optimizer=optim.SGD(0.01), epochs=9)


@run("held out", "MD005")
def half_of_the_diabetes_by_heart():
    x, y = diabetes()
    return fit(classifier(10, 1, width=256), (x[:120], y[:120]), "mse", optim.Adam(0.003), epochs=60,
               validation=(x[120:], y[120:]))  # fmt: skip


@run("held out", "MD005")
def digits_with_half_of_the_labels_wrong():
    x, y = digits(400)
    wrong = np.where(np.random.default_rng(2).random(200) < 0.5, np.random.default_rng(3).integers(0, 10, 200), y[:200])
    options = {"epochs": 40, "validation": (x[200:], y[200:])}
    return fit(reader_of_digits(), (x[:200], wrong), **options)


@run("held out", "MD006")
def many_layers_of_sigmoids_on_tumours():
    return fit(classifier(30, 2, activation=nn.Sigmoid, layers=9), tumours(), optimizer=optim.SGD(0.1))


@run("held out", "MD007")
def digits_with_biases_far_below():
    net = reader_of_digits()
    net.layers[4].bias = mp.Parameter(mp.full((32,), -9.0))
    return fit(net, digits(), optimizer=optim.SGD(0.05))


@run("held out", "MD008")
def wines_that_are_not_scaled():
    loaded = datasets.load_wine()
    net = classifier(13, 3, activation=nn.Sigmoid, layers=1)
    return fit(net, (loaded.data.astype(np.float32), loaded.target), optimizer=optim.SGD(0.01), epochs=20)


# ── healthy ──────────────────────────────────────────────────────────────────────────────────────


@run("held out")
def tumours_with_adam():
    return fit(classifier(30, 2), tumours(), optimizer=optim.Adam(0.002))


@run("held out")
def wines_with_plain_descent():
    return fit(classifier(13, 3), wines(), optimizer=optim.SGD(0.05), epochs=20)


@run("held out")
def diabetes_with_early_stopping():
    x, y = diabetes()
    return fit(classifier(10, 1), (x[:300], y[:300]), "mse", optim.Adam(0.003), epochs=40,
               validation=(x[300:], y[300:]), callbacks=[mp.EarlyStopping(3)])  # fmt: skip


@run("held out")
def diabetes_with_a_line():
    return fit(nn.Linear(10, 1, rng=0), diabetes(), "mse", optim.SGD(0.02), epochs=20)


@run("held out")
def digits_of_a_convolution():
    return fit(reader_of_digits(), digits(), optimizer=optim.Adam(0.003))


@run("held out")
def digits_with_momentum_and_decay():
    net = nn.Sequential(nn.Flatten(), classifier(64, 10))
    return fit(net, digits(), optimizer=optim.SGD(0.05, momentum=0.9, weight_decay=1e-4))


@run("held out")
def digits_with_dropout_and_validation():
    x, y = digits(1200)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64, rng=0), nn.ReLU(), nn.Dropout(0.4, rng=1), nn.Linear(64, 10, rng=2)
    )
    return fit(net, (x[:900], y[:900]), optimizer=optim.Adam(0.003), validation=(x[900:], y[900:]), epochs=12)


@run("held out")
def sequences_with_an_lstm():
    return fit(lstm(), sequences(seed=6), optimizer=optim.Adam(0.01))


@run("held out")
def attention_over_sequences():
    net = nn.Sequential(
        nn.Linear(3, 16, rng=0), nn.TransformerEncoderLayer(16, 2, rng=1), nn.Lambda(lambda x: mp.mean(x, axis=1)),
        nn.Linear(16, 2, rng=2),
    )  # fmt: skip
    return fit(net, sequences(seed=7), optimizer=optim.Adam(0.003))


@run("held out")
def numbers_with_a_wide_net():
    return fit(classifier(8, 1, width=128), numbers(seed=9), "huber", optim.AdamW(0.002), epochs=15)


@run("held out")
def wines_with_layer_norm():
    net = nn.Sequential(nn.Linear(13, 24, rng=0), nn.LayerNorm(24), nn.SiLU(), nn.Linear(24, 3, rng=1))
    return fit(net, wines(), optimizer=optim.Lion(0.001), epochs=20)


@run("held out")
def tumours_with_a_warm_up():
    return fit(classifier(30, 2, activation=nn.Tanh), tumours(), optimizer=optim.Adam(optim.Cosine(0.005, 144)))


@run("held out")
def one_large_batch():
    return fit(classifier(30, 2), tumours(), optimizer=optim.SGD(0.3), batch_size=256, epochs=60)
