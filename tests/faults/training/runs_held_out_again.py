"""A second group that measures the doctor, where the first one had been seen: vanishing gradients and underfitting.

It was written by somebody who had read neither the rules of the two codes nor the runs of the first group that are
entered with them; and after its labels had been asked of the losses alone, the doctor saw it once. Each run with a fault
is mended by ``mended=True``, which changes what is at fault and nothing else.
"""

import numpy as np
from real_data import digits, handwriting, houses, temperatures, tumours, wines
from training_runs import beside, dense, fit, halves, images, numbers, run, table

import maplet as mp
from maplet import nn, optim
from maplet.nn.initializers import Normal


def stack(width, depth, inputs, outputs, block):
    """A layer in, some blocks of equal width, and a layer out."""
    rng = mp.random.Generator(5)
    blocks = [layer for _ in range(depth) for layer in block(width, rng)]
    return nn.Sequential(nn.Linear(inputs, width, rng=rng), *blocks, nn.Linear(width, outputs, rng=rng))


def last(layer, outputs, seed=3):
    """What a recurrent layer ends with, and a linear layer."""
    return nn.Sequential(layer, nn.FinalOutput(), nn.Linear(layer.hidden_features, outputs, rng=seed))


def signals(rows, length, columns, seed):
    """Noise in some columns, as sequences."""
    return np.random.default_rng(seed).standard_normal((rows, length, columns)).astype(np.float32)


def a_flag_and_then_noise(length, rows=640, seed=21):
    """The first two steps show one of four flags, and nothing of it is seen again."""
    x = 0.5 * signals(rows, length, 4, seed)
    kind = np.random.default_rng(seed + 1).integers(0, 4, rows)
    x[np.arange(rows), 0, kind] += 2
    x[np.arange(rows), 1, kind] += 2
    return x, kind


def marked_sums(length, rows=800, seed=22):
    """Hochreiter and Schmidhuber's adding problem, with both marks among the first steps."""
    rng = np.random.default_rng(seed)
    x = np.zeros((rows, length, 2), np.float32)
    x[:, :, 0] = rng.uniform(-1, 1, (rows, length))
    x[:, 1, 1] = x[:, 4, 1] = 1
    return x, x[:, 1, :1] + x[:, 4, :1]


def rising_or_falling(rows=600, length=16, seed=23):
    """Ramps with noise, up or down, all of the same mean: only their order tells."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, rows)
    ramp = np.linspace(-1, 1, length) * np.where(y, 1, -1)[:, None]
    x = ramp + 0.5 * rng.standard_normal((rows, length))
    return (x - x.mean(axis=1, keepdims=True)).astype(np.float32)[:, :, None], y


def rhythms(rows=640, length=24, seed=24):
    """Eight kinds of waves: four frequencies, each with or without an overtone."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 8, rows)
    angle = (0.3 + 0.25 * (y % 4))[:, None] * np.arange(length)
    x = np.sin(angle) + (y // 4)[:, None] * 0.7 * np.cos(2 * angle) + 0.1 * rng.standard_normal((rows, length))
    return x.astype(np.float32)[:, :, None], y


def bent(rows=700, seed=25):
    """Friedman's first function: products, squares and lines of five columns, beside five that say nothing."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (rows, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 60 * (x[:, 2] - 0.5) ** 2 + 4 * x[:, 3] + 2 * x[:, 4]
    y = y + 0.3 * rng.standard_normal(rows)
    return ((x - 0.5) * 3.4).astype(np.float32), ((y - y.mean()) / y.std())[:, None].astype(np.float32)


# ── gradients that vanish ────────────────────────────────────────────────────────────────────────


@run("held out again", "MD006")
def wines_through_ten_layers_of_sigmoids(mended=False):
    net = stack(24, 10, 13, 3, lambda n, rng: (nn.Linear(n, n, rng=rng), nn.SELU() if mended else nn.Sigmoid()))
    return fit(net, wines(), optimizer=optim.Adam(0.003), epochs=20)


@run("held out again", "MD006")
def numbers_through_tanh_from_small_weights(mended=False):
    start = "lecun_normal" if mended else Normal(0, 0.05)
    net = dense(8, 32, 32, 32, 32, 32, 1, activation=nn.Tanh, seed=12, weight_init=start)
    return fit(net, numbers(seed=41), "mse", optim.SGD(0.05, momentum=0.9), epochs=12)


@run("held out again", "MD006")
def digits_through_convolutions_that_squash(mended=False):
    rng = mp.random.Generator(6)
    layers = [nn.Conv2d(1, 8, 3, padding="same", rng=rng)]
    for _ in range(6):
        layers += [nn.ReLU() if mended else nn.Sigmoid(), nn.Conv2d(8, 8, 3, padding="same", rng=rng)]
    net = nn.Sequential(*layers, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(128, 10, rng=rng))
    return fit(net, digits(600), optimizer=optim.Adam(0.003), epochs=6)


@run("held out again", "MD006")
def handwriting_through_many_soft_signs(mended=False):
    def block(n, rng):
        layer = nn.Sequential(nn.Linear(n, n, weight_init="lecun_uniform" if mended else Normal(0, 0.04), rng=rng))
        return (nn.Residual(layer) if mended else layer, nn.Softsign())

    net = nn.Sequential(nn.Flatten(), stack(32, 8, 196, 10, block))
    return fit(net, handwriting(), optimizer=optim.SGD(0.1, momentum=0.9), epochs=10)


@run("held out again", "MD006")
def a_flag_that_an_elman_net_forgets(mended=False):
    layer = nn.GRU(4, 24, rng=2) if mended else nn.RNN(4, 24, rng=2)
    return fit(last(layer, 4), a_flag_and_then_noise(12 if mended else 60), optimizer=optim.Adam(0.005), epochs=10)


@run("held out again", "MD006")
def sums_of_what_was_marked_long_ago(mended=False):
    layer = nn.LSTM(2, 24, rng=2)
    return fit(last(layer, 1), marked_sums(10 if mended else 80), "mse", optim.Adam(0.005), epochs=10)


# ── underfitting ─────────────────────────────────────────────────────────────────────────────────


@run("held out again", "MD009")
def a_line_through_what_is_bent(mended=False):
    net = dense(10, 64, 64, 1, seed=13) if mended else nn.Linear(10, 1, rng=13)
    return fit(net, bent(), "mse", optim.Adam(0.01), epochs=40)


@run("held out again", "MD019", "MD009")
def a_table_under_a_heavy_decay(mended=False):
    optimizer = optim.SGD(0.1, weight_decay=0.0 if mended else 0.15)
    return fit(dense(8, 64, 4, seed=14), table(classes=4, seed=42, noise=0.1), optimizer=optimizer, epochs=25)


@run("held out again", "MD009")
def digits_through_a_single_unit(mended=False):
    middle = 32 if mended else 1
    net = nn.Sequential(nn.Flatten(), dense(64, 32, middle, 32, 10, activation=nn.Tanh, seed=15))
    return fit(net, digits(), optimizer=optim.Adam(0.005), epochs=25)


@run("held out again", "MD009")
def handwriting_by_two_small_filters(mended=False):
    filters, rng = 24 if mended else 2, mp.random.Generator(7)
    pool = nn.Flatten() if mended else nn.GlobalAvgPool()
    net = nn.Sequential(
        nn.Conv2d(1, filters, 3, rng=rng), nn.ReLU(), pool, nn.Linear(filters * (144 if mended else 1), 10, rng=rng)
    )
    return fit(net, handwriting(), optimizer=optim.Adam(0.005), epochs=20)


@run("held out again", "MD009")
def ramps_by_a_net_that_knows_no_order(mended=False):
    def mean(x):
        return x if mended else mp.mean(x, axis=1, keepdims=True) * mp.ones_like(x)

    net = nn.Sequential(nn.Lambda(mean), nn.Flatten(), dense(16, 32, 2, seed=16))
    return fit(net, rising_or_falling(), optimizer=optim.Adam(0.005), epochs=12)


@run("held out again", "MD009")
def eight_rhythms_in_one_number(mended=False):
    return fit(last(nn.GRU(1, 32 if mended else 1, rng=8), 8), rhythms(), optimizer=optim.Adam(0.02), epochs=30)


# ── healthy ──────────────────────────────────────────────────────────────────────────────────────


@run("held out again")
def an_elman_net_that_needs_the_last_steps():
    x = signals(700, 40, 2, seed=26)
    y = (x[:, -1, 0] + x[:, -2, 1] > 0).astype(np.int64)
    return fit(last(nn.RNN(2, 16, rng=9), 2), (x, y), optimizer=optim.Adam(0.005))


@run("held out again")
def an_lstm_that_keeps_a_flag():
    layer = nn.LSTM(4, 24, forget_bias=2.0, rng=9)
    return fit(last(layer, 4), a_flag_and_then_noise(20), optimizer=optim.Adam(0.01), epochs=12)


@run("held out again")
def temperatures_by_a_gru():
    data, more = halves(temperatures(), 0.7)
    return fit(last(nn.GRU(7, 16, rng=10), 1), data, "mse", optim.Adam(0.005), epochs=12, **more)


@run("held out again")
def rhythms_from_both_ends():
    rng = mp.random.Generator(17)
    net = nn.Sequential(
        nn.LSTM(1, 16, layers=2, bidirectional=True, rng=rng), nn.FinalOutput(), nn.Linear(32, 8, rng=rng)
    )
    return fit(net, rhythms(), optimizer=optim.Adam(0.01), epochs=15)


@run("held out again")
def a_coin_that_the_past_barely_bends():
    x = signals(900, 30, 2, seed=27)
    clear = x[:, :, 0].mean(axis=1) > 0
    y = np.where(np.random.default_rng(28).random(900) < 0.75, clear, ~clear).astype(np.int64)
    data, more = halves((x, y), 0.8)
    return fit(last(nn.GRU(2, 6, rng=11), 2), data, optimizer=optim.Adam(0.02), epochs=8, **more)


@run("held out again")
def the_next_step_at_every_step():
    x, _ = rhythms(seed=29)
    layer = nn.GRU(1, 24, rng=12)
    net = nn.Sequential(layer, nn.Lambda(lambda given: given[0]), nn.Linear(24, 1, rng=12))
    return fit(net, (x[:, :-1], x[:, 1:]), "mse", optim.Adam(0.01), epochs=10)


@run("held out again")
def tumours_through_twelve_residual_blocks():
    def block(n, rng):
        return (nn.Residual(nn.Sequential(nn.LayerNorm(n), nn.Linear(n, n, rng=rng), nn.ReLU())),)

    data, more = halves(tumours(), 0.7)
    return fit(stack(24, 12, 30, 2, block), data, optimizer=optim.Adam(0.001), epochs=5, **more)


@run("held out again")
def digits_through_eight_normalized_layers():
    def block(n, rng):
        return (nn.LayerNorm(n), nn.ReLU(), nn.Linear(n, n, weight_init="he_normal", rng=rng))

    net = nn.Sequential(nn.Flatten(), stack(48, 8, 64, 10, block))
    return fit(net, digits(), optimizer=optim.Adam(0.001), epochs=10)


@run("held out again")
def bars_through_six_convolutions():
    rng = mp.random.Generator(18)
    layers = [nn.Conv2d(1, 8, 3, padding="same", rng=rng)]
    for _ in range(5):
        layers += [nn.BatchNorm(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding="same", rng=rng)]
    net = nn.Sequential(*layers, nn.GlobalAvgPool(), nn.Linear(8, 3, rng=rng))
    return fit(net, images(seed=30), optimizer=optim.Adam(0.005), epochs=12)


@run("held out again")
def rhythms_seen_by_three_transformer_layers():
    rng = mp.random.Generator(19)
    layers = [nn.TransformerEncoderLayer(16, 2, norm_first=True, rng=rng) for _ in range(3)]
    net = nn.Sequential(
        nn.Linear(1, 16, rng=rng),
        nn.SinusoidalPositions(16),
        nn.TransformerEncoder(*layers, norm=nn.LayerNorm(16)),
        nn.Flatten(),
        nn.Linear(16 * 24, 8, rng=rng),
    )
    return fit(net, rhythms(), optimizer=optim.Adam(0.003), epochs=12)


@run("held out again")
def houses_through_ten_layers_that_normalize_themselves():
    def block(n, rng):
        return (nn.SELU(), nn.Linear(n, n, weight_init="lecun_normal", rng=rng))

    return fit(stack(24, 9, 7, 1, block), houses(800), "mse", optim.Adam(0.001), epochs=15)


@run("held out again")
def bent_numbers_through_six_layers_of_tanh():
    x, y = bent(seed=31)
    net = dense(11, 32, 32, 32, 32, 32, 1, activation=nn.Tanh, seed=20, weight_init="xavier_uniform")
    return fit(net, (beside(x, x[:, 0] * x[:, 1]), y), "mse", optim.Adam(0.003), epochs=20)
