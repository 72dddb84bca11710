"""The group that measures the doctor: sequences of numbers, letters and words."""

import numpy as np
from real_data import first_names, sentences, temperatures
from training_runs import (
    Climbing,
    NeverCleared,
    Stale,
    dense,
    fit,
    flipped,
    halves,
    in_order,
    rare,
    run,
    sequences,
    shuffled,
)

import maplet as mp
from maplet import nn, optim
from maplet.nn.initializers import Constant, Normal


def lstm(features=3, outputs=2, *, width=16, seed=13):
    rng = mp.random.Generator(seed)
    return nn.Sequential(nn.LSTM(features, width, rng=rng), nn.FinalOutput(), nn.Linear(width, outputs, rng=rng))


def gru(features=3, outputs=2, *, width=12, seed=14):
    rng = mp.random.Generator(seed)
    return nn.Sequential(nn.GRU(features, width, rng=rng), nn.FinalOutput(), nn.Linear(width, outputs, rng=rng))


def convolved(features=3, outputs=2, *, width=16, activation=nn.ReLU, seed=15, **options):
    """Windows of three steps, and the mean of what they see."""
    rng = mp.random.Generator(seed)
    return nn.Sequential(
        nn.Conv1d(features, width, 3, rng=rng, **options), activation(), nn.GlobalAvgPool(),
        nn.Linear(width, outputs, rng=rng),
    )  # fmt: skip


def read(symbols, inner):
    """Symbols as points, and a net that reads these."""
    return nn.Sequential(nn.Embedding(symbols, 8, rng=16), *inner.layers)


def together(length, features, *widths, **options):
    """All steps side by side."""
    return nn.Sequential(nn.Flatten(), *dense(length * features, *widths, **options).layers)


def waves(rows=600, length=12, seed=0, noise=0.1):
    """Noisy waves of any frequency and phase, and what comes next."""
    rng = np.random.default_rng(seed)
    frequency, phase = rng.uniform(0.3, 1.2, (rows, 1)), rng.uniform(0, 6.28, (rows, 1))
    whole = np.sin(frequency * np.arange(length + 1) + phase) + noise * rng.standard_normal((rows, length + 1))
    return whole[:, :-1, None].astype(np.float32), whole[:, -1:].astype(np.float32)


def symbols(rows=640, length=10, seed=0):
    """Symbols from 0 to 7, and whether there are more of the upper half than of the lower."""
    x = np.random.default_rng(seed).integers(0, 8, (rows, length))
    return x, ((x > 3).sum(axis=1) > length / 2).astype(np.int64)


def first_step(rows=480, length=40, seed=0):
    """Sequences of which the first step alone decides."""
    x = np.random.default_rng(seed).standard_normal((rows, length, 2)).astype(np.float32)
    return x, (x[:, 0, 0] > 0).astype(np.int64)


# ── faulty ───────────────────────────────────────────────────────────────────────────────────────


@run("held out", "MD001")
def a_wrong_sign_of_the_update_on_sequences():
    return fit(lstm(), sequences(seed=4), optimizer=Climbing(0.05, momentum=0.5))


@run("held out", "MD001")
def waves_climbed():
    return fit(convolved(1, 1), waves(seed=31), "mse", Climbing(0.002))


@run("held out", "MD002")
def sequences_with_a_rate_that_is_too_high():
    return fit(lstm(), sequences(seed=5), optimizer=optim.RMSprop(1.0))


@run("held out", "MD002", "MD018", "MD014")
def waves_with_a_rate_that_is_too_high():
    return fit(together(12, 1, 32, 1, seed=1), waves(seed=32), "mse", optim.SGD(0.6, momentum=0.9))


@run("held out", "MD003")
def sequences_with_a_rate_that_is_too_low():
    return fit(gru(seed=2), sequences(seed=34), optimizer=optim.Nadam(1e-6))


@run("held out", "MD004")
def sequences_with_labels_of_others():
    x, y = sequences(rows=960, seed=36)
    return fit(convolved(width=8, seed=4), (x, shuffled(y)), optimizer=optim.Adam(0.001))


@run("held out", "MD004")
def waves_whose_ends_belong_to_others():
    x, y = waves(rows=900, seed=37)
    return fit(gru(1, 1, width=6, seed=5), (x, shuffled(y, 2)), "mse", optim.SGD(0.05))


@run("held out", "MD005")
def noisy_waves_by_heart():
    train, valid = halves(waves(rows=300, noise=0.8, seed=39), 0.3)
    return fit(together(12, 1, 128, 64, 1, seed=7), train, "mse", optim.AdamW(0.005), epochs=50, **valid)


@run("held out", "MD005", needs="sentence_polarity")
def sentences_by_heart():
    train, valid = halves(sentences(), 0.5)
    return fit(read(401, together(20, 8, 48, 2, seed=8)), train, optimizer=optim.Adam(0.005), epochs=25, **valid)


@run("held out", "MD006")
def many_layers_of_sigmoids_on_all_steps():
    net = together(10, 3, *[20] * 7, 2, activation=nn.Sigmoid, seed=9)
    return fit(net, sequences(seed=40), optimizer=optim.SGD(0.2), epochs=10)


@run("held out", "MD006")
def windows_over_windows_that_begin_too_small():
    rng = mp.random.Generator(10)
    layers = [
        layer
        for a in (3, 12, 12, 12, 12)
        for layer in (nn.Conv1d(a, 12, 3, padding="same", weight_init=Normal(0, 0.01), rng=rng), nn.Tanh())
    ]
    net = nn.Sequential(*layers, nn.GlobalAvgPool(), nn.Linear(12, 2, rng=rng))
    return fit(net, sequences(seed=41), optimizer=optim.SGD(0.1, momentum=0.9))


@run("held out", "MD006", "MD004")
def a_first_step_that_is_forty_steps_ago():
    net = nn.Sequential(nn.RNN(2, 8, recurrent_init=Normal(0, 0.1), rng=11), nn.FinalOutput(), nn.Linear(8, 2, rng=12))
    return fit(net, first_step(seed=42), optimizer=optim.SGD(0.05), epochs=6)


@run("held out", "MD007")
def windows_that_never_answer():
    return fit(convolved(bias_init=Constant(-12.0), seed=17), sequences(seed=43), optimizer=optim.SGD(0.05))


@run("held out", "MD007")
def most_units_are_off():
    net = together(12, 1, 40, 1, seed=18)
    net.layers[1].bias = mp.Parameter(mp.asarray([-20.0] * 34 + [0.0] * 6))
    return fit(net, waves(seed=44), "mse", optim.Adam(0.002))


@run("held out", "MD008", "MD006")
def sequences_in_thousands():
    x, y = sequences(seed=45)
    return fit(together(10, 3, 32, 2, activation=nn.Tanh, seed=19), (1000 * x, y), optimizer=optim.SGD(0.01))


@run("held out", "MD008", "MD006")
def windows_that_begin_too_large():
    net = convolved(1, 1, activation=nn.Sigmoid, weight_init=Normal(0, 40.0), seed=20)
    return fit(net, waves(seed=46), "mse", optim.SGD(0.01))


@run("held out", "MD019", "MD009")
def waves_under_a_heavy_decay():
    train, valid = halves(waves(rows=800, seed=47), 0.7)
    optimizer = optim.SGD(0.05, momentum=0.9, weight_decay=0.12)
    return fit(together(12, 1, 32, 32, 1, activation=nn.Tanh, seed=21), train, "mse", optimizer, epochs=20, **valid)


@run("held out", "MD009", "MD004")
def an_order_that_a_mean_does_not_see():
    x = np.random.default_rng(48).standard_normal((900, 8, 1)).astype(np.float32)
    y = (np.abs(x[:, 0, 0]) > np.abs(x[:, -1, 0])).astype(np.int64)
    train, valid = halves((x, y), 0.7)
    net = nn.Sequential(nn.Linear(1, 8, rng=1), nn.Tanh(), nn.GlobalAvgPool(), nn.Linear(8, 2, rng=2))
    return fit(net, train, optimizer=optim.Adam(0.01), epochs=12, **valid)


@run("held out", "MD010")
def the_answer_in_the_last_step():
    x, y = waves(rows=500, noise=0.6, seed=49)
    known = np.concatenate([x, (y + 0.01)[:, None, :]], axis=1)  # a window that was cut one step too late
    train, valid = halves((known, y), 0.7)
    return fit(together(13, 1, 32, 1, seed=22), train, "mse", optim.Adam(0.01), epochs=30, **valid)


@run("held out", "MD010")
def sequences_validated_with_those_of_the_training():
    x, y = sequences(rows=300, length=20, seed=50)
    y = flipped(y, 0.2, 2, seed=2)
    options = {"epochs": 40, "validation": (x[:100], y[:100])}
    return fit(together(20, 3, 64, 2, seed=23), (x, y), optimizer=optim.Adam(0.005), **options)


@run("held out", "MD011")
def sequences_with_a_quarter_of_the_labels_wrong():
    x, y = sequences(rows=900, seed=51)
    train, valid = halves((x, flipped(y, 0.25, 2, seed=3)), 0.75)
    return fit(convolved(width=8, seed=24), train, optimizer=optim.Adam(0.01), epochs=10, **valid)


@run("held out", "MD011")
def symbols_with_a_third_of_the_labels_wrong():
    x, y = symbols(rows=900, seed=52)
    return fit(read(8, convolved(8, seed=25)), (x, flipped(y, 0.3, 2, seed=4)), optimizer=optim.SGD(0.1), epochs=8)


@run("held out", "MD012")
def sequences_of_a_rare_kind_are_never_said():
    few = rare(sequences(rows=3000, seed=53), 1, 0.04)
    return fit(convolved(width=8, seed=26), few, optimizer=optim.SGD(0.05), epochs=5)


@run("held out", "MD012")
def symbols_of_a_rare_kind_are_never_said():
    few = rare(symbols(rows=3000, seed=54), 0, 0.03)
    return fit(read(8, gru(8, width=8, seed=27)), few, optimizer=optim.Adam(0.001), epochs=5)


@run("held out", "MD013", "MD002")
def waves_two_by_two():
    net = together(12, 1, 1, seed=28)
    return fit(net, waves(noise=0.7, seed=55), "mse", optim.SGD(0.06), batch_size=2, epochs=6, watch=20)


@run("held out", "MD013", "MD002")
def noisy_sequences_two_by_two():
    x, y = sequences(seed=56)
    data = (x, flipped(y, 0.15, 2, seed=5))
    return fit(together(10, 3, 32, 2, seed=29), data, optimizer=optim.Adam(0.03), batch_size=2, epochs=4, watch=20)


@run("held out", "MD014")
def the_logarithm_of_a_count_that_is_nothing():
    x = np.random.default_rng(57).poisson(4.0, (480, 10, 1)).astype(np.float32)
    net = nn.Sequential(nn.Lambda(mp.log), *gru(1, seed=30).layers)
    return fit(net, (x, (x.sum(axis=(1, 2)) > 40).astype(np.int64)), optimizer=optim.Adam(0.003))


@run("held out", "MD014")
def the_logarithm_of_a_share_that_becomes_nothing():
    def spread(prediction, target):
        return mp.mean((prediction[:, :1] - target) ** 2 / mp.exp(prediction[:, 1:]) + mp.log(prediction[:, 1:]))

    return fit(together(12, 1, 32, 2, seed=31), waves(seed=58), spread, optim.Adam(0.003))


@run("held out", "MD015")
def windows_that_are_all_alike():
    net = convolved(weight_init=Constant(0.1), seed=32)
    return fit(net, sequences(seed=59), optimizer=optim.Adam(0.01))


@run("held out", "MD015", "MD004")
def waves_into_units_of_nothing():
    net = together(12, 1, 24, 1, activation=nn.Tanh, weight_init="zeros")
    return fit(net, waves(seed=60), "mse", optim.SGD(0.1))


@run("held out", "MD016")
def sequences_sorted_by_class():
    x, y = sequences(seed=61)
    order = np.argsort(y, kind="stable")
    return fit(gru(seed=33), in_order(x[order], y[order]), optimizer=optim.Adam(0.01), epochs=8)


@run("held out", "MD016", needs="names")
def names_sorted_by_their_end():
    x, y = first_names()
    order = np.argsort(-y, kind="stable")
    net = read(27, convolved(8, seed=34))
    return fit(net, in_order(x[order], y[order], 40), optimizer=optim.SGD(0.2), epochs=8)


@run("held out", "MD017")
def waves_along_gradients_of_before():
    return fit(together(12, 1, 24, 1, seed=35), waves(seed=62), "mse", Stale(0.05, 8), epochs=12)


@run("held out", "MD017")
def sequences_along_all_gradients_so_far():
    return fit(convolved(activation=nn.SiLU, seed=36), sequences(seed=63), optimizer=NeverCleared(0.02), epochs=12)


@run("held out", "MD018", "MD002", "MD014")
def a_memory_that_grows_from_step_to_step():
    net = nn.Sequential(
        nn.RNN(2, 16, activation="relu", recurrent_init=Normal(0, 0.6), rng=37), nn.FinalOutput(),
        nn.Linear(16, 2, rng=38),
    )  # fmt: skip
    return fit(net, first_step(length=25, seed=64), optimizer=optim.SGD(0.01), watch=1)


@run("held out", "MD018")
def layers_that_begin_too_large_on_waves():
    net = together(12, 1, *[32] * 5, 1, weight_init=Normal(0, 1.5), seed=39)
    return fit(net, waves(seed=65), "mae", optim.Adam(0.0005))


@run("held out", "MD019", "MD009")
def waves_whose_gates_decay():
    train, valid = halves(waves(rows=640, seed=86), 0.75)
    return fit(gru(1, 1, seed=58), train, "mse", optim.Lion(0.002, weight_decay=5.0), epochs=15, **valid)


# ── healthy ──────────────────────────────────────────────────────────────────────────────────────


@run("held out")
def sequences_with_an_lstm():
    return fit(lstm(), sequences(seed=6), optimizer=optim.Adam(0.01))


@run("held out")
def attention_over_sequences():
    net = nn.Sequential(
        nn.Linear(3, 16, rng=0), nn.TransformerEncoderLayer(16, 2, rng=1), nn.GlobalAvgPool(), nn.Linear(16, 2, rng=2)
    )
    return fit(net, sequences(seed=7), optimizer=optim.Adam(optim.Warmup(0.005, 20)), epochs=16)


@run("held out")
def waves_with_a_gru():
    train, valid = halves(waves(seed=71), 0.8)
    return fit(gru(1, 1, width=16, seed=40), train, "mse", optim.Adam(0.01), epochs=15, **valid)


@run("held out")
def waves_by_a_line():
    return fit(together(12, 1, 1, seed=41), waves(seed=72), "mse", optim.SGD(0.02, momentum=0.9), epochs=15)


@run("held out")
def noisy_waves_with_early_stopping():
    train, valid = halves(waves(rows=900, noise=0.5, seed=73), 0.7)
    net = together(12, 1, 32, 1, activation=nn.Tanh, seed=42)
    return fit(net, train, "huber", optim.Adam(0.005), epochs=40, callbacks=[mp.EarlyStopping(3)], **valid)


@run("held out")
def symbols_with_windows():
    return fit(read(8, convolved(8, seed=43)), symbols(seed=74), optimizer=optim.AdamW(0.01), epochs=10)


@run("held out")
def symbols_by_descent_with_momentum():
    train, valid = halves(symbols(rows=900, seed=75), 0.8)
    return fit(read(8, gru(8, seed=44)), train, optimizer=optim.SGD(0.03, momentum=0.9), epochs=12, **valid)


@run("held out")
def symbols_four_by_four():
    net = read(8, convolved(8, seed=45))
    return fit(net, symbols(seed=76), optimizer=optim.SGD(0.03, momentum=0.5), batch_size=4, epochs=6, watch=30)


@run("held out")
def a_rare_kind_of_sequence_that_is_learned():
    few = rare(sequences(rows=2400, seed=77), 1, 0.1)
    return fit(convolved(seed=46, activation=nn.GELU), few, optimizer=optim.Adam(0.02), epochs=12)


@run("held out")
def sequences_with_a_few_wrong_labels():
    x, y = sequences(rows=1200, seed=78)
    train, valid = halves((x, flipped(y, 0.04, 2, seed=6)), 0.75)
    return fit(convolved(seed=47), train, optimizer=optim.Adam(0.01), epochs=12, **valid)


@run("held out", needs="ett")
def temperatures_of_the_next_hour():
    train, valid = halves(temperatures(), 0.8)
    return fit(gru(7, 1, width=16, seed=48), train, "mse", optim.Adam(0.005), epochs=12, **valid)


@run("held out", needs="names")
def the_end_of_a_name():
    train, valid = halves(first_names(), 0.8)
    return fit(read(27, lstm(8, seed=49)), train, optimizer=optim.Adam(0.01), epochs=6, **valid)


@run("held out", needs="names")
def the_next_letter_of_a_name():
    x, _ = first_names(1200)
    net = nn.Sequential(nn.Embedding(27, 8, rng=1), nn.GRU(8, 24, rng=2), nn.Outputs(), nn.Linear(24, 27, rng=3))
    return fit(net, (x[:, :-1], x[:, 1:]), optimizer=optim.Adam(0.01), epochs=10)


@run("held out", needs="sentence_polarity")
def sentences_stopped_in_time():
    train, valid = halves(sentences(3000), 0.8)
    net = nn.Sequential(nn.Embedding(401, 8, rng=4), nn.GlobalAvgPool(), nn.Dropout(0.2, rng=5), nn.Linear(8, 2, rng=6))
    return fit(net, train, optimizer=optim.Adam(0.02), epochs=12, callbacks=[mp.EarlyStopping(2)], **valid)


@run("held out")
def dropout_over_windows():
    rng = mp.random.Generator(50)
    net = nn.Sequential(
        nn.Conv1d(3, 24, 3, rng=rng),
        nn.ReLU(),
        nn.GlobalAvgPool(),
        nn.Dropout(0.25, rng=rng),
        nn.Linear(24, 2, rng=rng),
    )
    train, valid = halves(sequences(rows=900, seed=79), 0.7)
    return fit(net, train, optimizer=optim.Adam(0.01), epochs=12, **valid)


@run("held out")
def a_first_step_that_a_gate_remembers():
    return fit(gru(2, width=16, seed=51), first_step(length=8, seed=80), optimizer=optim.Adam(0.01), epochs=15)


@run("held out")
def a_stair_of_rates():
    rate = optim.Step(0.2, every=75, factor=0.3)
    return fit(together(10, 3, 24, 2, seed=52), sequences(seed=81), optimizer=optim.SGD(rate), epochs=15)


@run("held out")
def sequences_in_an_order_that_says_nothing():
    return fit(lstm(seed=53), in_order(*sequences(rows=640, seed=82)), optimizer=optim.Lion(0.002), epochs=14)


@run("held out")
def medians_of_waves():
    train, valid = halves(waves(rows=800, noise=0.3, seed=83), 0.75)
    net = together(12, 1, 24, 24, 1, activation=nn.SELU, weight_init="lecun_normal", seed=54)
    return fit(net, train, "quantile", optim.Muon(0.005), epochs=10, **valid)


@run("held out")
def a_recurrent_net_with_clipping():
    net = nn.Sequential(nn.RNN(3, 16, rng=55), nn.FinalOutput(), nn.Linear(16, 2, rng=56))
    return fit(net, sequences(seed=84), optimizer=optim.SGD(0.2, momentum=0.5, clip_norm=0.5), epochs=15)


@run("held out")
def waves_in_large_batches():
    net = together(12, 1, 32, 1, activation=nn.SiLU, seed=57)
    return fit(net, waves(rows=1024, seed=85), "mse", optim.RAdam(0.01), batch_size=256, epochs=40)


@run("held out")
def noisy_waves_by_lion_with_the_decay_it_wants():
    train, valid = halves(waves(rows=640, noise=0.3, seed=87), 0.6)
    optimizer = optim.Lion(0.004, weight_decay=0.5)
    return fit(lstm(1, 1, width=12, seed=59), train, "mse", optimizer, epochs=15, **valid)


@run("held out")
def noisy_waves_whose_last_layer_is_free():
    net = together(12, 1, 24, 1, activation=nn.SiLU, seed=60)
    optimizer = optim.Groups({"layers.3.*": optim.RMSprop(0.003), "*": optim.RMSprop(0.003, weight_decay=1e-3)})
    return fit(net, waves(rows=640, noise=0.3, seed=88), "mse", optimizer, epochs=15)
