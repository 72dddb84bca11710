"""Of the group with which the thresholds were set: more of each fault, on other data, with other nets and optimizers."""

import numpy as np
from runs_development import convolutional, mlp, recurrent
from runs_development_data import clouds, flipped, in_order, parts, products, rare
from training_runs import fit, images, run, sequences, table

import maplet as mp
from maplet import nn, optim
from maplet.nn import initializers


def patches(rows=600, classes=5, seed=0):
    """Images whose class is the place of a bright patch, on noise."""
    rng = np.random.default_rng(seed)
    x, y = 0.4 * rng.standard_normal((rows, 8, 8, 1)), rng.integers(0, classes, rows)
    for n, kind in enumerate(y):
        at, to = divmod(kind * 13 % 36, 6)
        x[n, at : at + 3, to : to + 3, 0] += 1
    return x.astype(np.float32), y


def reader(classes=5, seed=0):
    rng = mp.random.Generator(seed)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, rng=rng), nn.GELU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(72, 24, rng=rng), nn.ReLU(),
        nn.Linear(24, classes, rng=rng),
    )  # fmt: skip


# ── MD004 ────────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD004")
def sequences_with_permuted_labels():
    x, y = sequences(rows=900, seed=49)
    return fit(recurrent(), (x, np.random.default_rng(6).permutation(y)), optimizer=optim.SGD(0.05), epochs=8)


@run("development", "MD004")
def numbers_of_other_rows():
    x, y = products(rows=1200, seed=50)
    return fit(mlp(6, 1), (x, np.random.default_rng(6).permutation(y)), "mse", optim.Adam(0.003))


# ── MD009 ────────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD009")
def a_recurrent_net_of_one_unit_that_hardly_learned():
    net = nn.Sequential(nn.GRU(3, 1, rng=0), nn.FinalOutput(), nn.Linear(1, 2, rng=1))
    return fit(net, sequences(rows=600), optimizer=optim.SGD(0.05), epochs=4)


@run("development", "MD009")
def dropout_of_nearly_all():
    rng = mp.random.Generator(3)
    net = nn.Sequential(nn.Linear(6, 16, rng=rng), nn.ReLU(), nn.Dropout(0.95, rng=rng), nn.Linear(16, 1, rng=rng))
    return fit(net, products(seed=31), "mse", optim.Adam(0.003), epochs=12)


@run("development", "MD009")
def patches_after_two_slow_epochs():
    train, options = parts(patches(seed=3), 450)
    return fit(reader(), train, optimizer=optim.SGD(0.01), epochs=2, watch=2, **options)


# ── MD010 ────────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD010")
def a_corner_that_tells_the_class():
    x, y = patches(seed=4)
    x[:, 7, 7, 0] = y / 5 + 0.01 * np.random.default_rng(1).standard_normal(len(y))
    return fit(reader(), (x, y))


@run("development", "MD010")
def validation_rows_that_are_nearly_those_of_training():
    x, y = clouds(rows=500, seed=32)
    near = (x[:150] + 0.005 * np.random.default_rng(0).standard_normal((150, 6))).astype(np.float32)
    return fit(mlp(columns=6), (x, y), validation=(near, y[:150]))


@run("development", "MD010")
def a_column_that_is_zero_or_one_with_the_class():
    x, y = table(classes=2, noise=1.5, seed=33)
    wrong = np.random.default_rng(2).random(len(y)) < 0.005
    return fit(mlp(columns=9, classes=2), (np.column_stack([x, y ^ wrong]).astype(np.float32), y))


# ── MD011 ────────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD011")
def sequences_with_a_quarter_of_wrong_labels():
    train, options = parts(flipped(sequences(rows=800, seed=5), 0.25), 650)
    return fit(recurrent(), train, epochs=8, **options)


@run("development", "MD011")
def patches_with_a_sixth_of_wrong_labels():
    train, options = parts(flipped(patches(rows=800, seed=6), 0.16), 600)
    return fit(reader(), train, optimizer=optim.Adam(0.003), epochs=6, **options)


@run("development", "MD011")
def numbers_some_of_which_are_those_of_other_rows():
    x, y = products(rows=900, seed=34)
    hit = np.flatnonzero(np.random.default_rng(3).random(len(y)) < 0.15)
    y[hit] = 4 * np.random.default_rng(4).permutation(y[hit])
    return fit(mlp(columns=6, classes=1, hidden=64), (x, y), "huber", optim.Adam(0.005), epochs=25)


# ── MD012 ────────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD012")
def a_rare_kind_of_image():
    x, y = images(rows=900, classes=2, seed=35)
    x += 1.5 * np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)
    keep = (y == 0) | (np.random.default_rng(1).random(len(y)) < 0.06)
    return fit(reader(2), (x[keep], y[keep]), optimizer=optim.Adam(0.001), epochs=8)


@run("development", "MD012")
def a_rare_class_by_a_probability():
    x, y = rare(rows=900, share=0.05, distance=0.9, seed=36)
    net = nn.Sequential(nn.Linear(6, 12, rng=0), nn.Tanh(), nn.Linear(12, 1, rng=1), nn.Sigmoid())
    return fit(net, (x, y.astype(np.float32)[:, None]), "mse", optim.Adam(0.003))


# ── MD013 ────────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD013")
def four_rows_at_a_time_with_long_steps():
    return fit(mlp(columns=6), clouds(seed=37, distance=1.2), optimizer=optim.SGD(0.4), batch_size=4, watch=20)


@run("development", "MD013")
def patches_one_at_a_time():
    return fit(reader(), flipped(patches(seed=38), 0.04), optimizer=optim.SGD(0.05, momentum=0.8), batch_size=1, watch=20, epochs=6)  # fmt: skip


# ── MD014 ────────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD014")
def an_exponential_of_what_grows():
    net = nn.Sequential(
        nn.Linear(6, 16, rng=0), nn.ReLU(), nn.Linear(16, 1, rng=1), nn.Lambda(lambda x: mp.exp(40 * x))
    )
    return fit(net, products(seed=39), "mse", optim.SGD(0.001))


@run("development", "MD014")
def sequences_divided_by_nothing():
    class Share(nn.Module):
        def forward(self, x):
            return x / mp.sum(mp.relu(x), axis=-1, keepdims=True)

    x, y = sequences(seed=40)
    x[100:140] = -5.0
    net = nn.Sequential(Share(), nn.GRU(3, 8, rng=0), nn.FinalOutput(), nn.Linear(8, 2, rng=1))
    return fit(net, (x, y))


@run("development", "MD014")
def a_rate_of_a_million():
    return fit(convolutional(), images(seed=41), optimizer=optim.SGD(1e6, momentum=0.9))


# ── MD015 ────────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD015")
def a_recurrent_net_of_equal_units():
    net = nn.Sequential(
        nn.GRU(3, 8, weight_init=initializers.Constant(0.1), recurrent_init=initializers.Constant(0.1)),
        nn.FinalOutput(), nn.Linear(8, 2, weight_init=initializers.Constant(0.1)),
    )  # fmt: skip
    return fit(net, sequences(seed=42))


# ── MD016 ────────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD016")
def sequences_of_one_class_and_then_the_other():
    return fit(recurrent(), in_order(sequences(seed=43), 240))


@run("development", "MD016")
def numbers_from_low_to_high_in_small_batches():
    return fit(mlp(columns=6, classes=1), in_order(products(seed=44), 128), "mse", optim.SGD(0.02), batch_size=16)


# ── MD017 ────────────────────────────────────────────────────────────────────────────────────────


class LateAdam(optim.Adam):
    """Follows the gradient of three steps before."""

    def init(self, target):
        super().init(target)
        zeros = {name: mp.zeros_like(parameter) for name, parameter in target.parameters().items()}
        self.waiting = [dict(zeros) for _ in range(3)]

    def update(self, target, gradients):
        oldest, *others = self.waiting
        self.waiting = [*others, dict(gradients)]
        super().update(target, oldest)


class Summing(optim.Adam):
    """Adds each gradient to those before."""

    def init(self, target):
        super().init(target)
        self.sum = {name: mp.zeros_like(parameter) for name, parameter in target.parameters().items()}

    def update(self, target, gradients):
        self.sum = {name: self.sum[name] + gradient for name, gradient in gradients.items()}
        super().update(target, self.sum)


@run("development", "MD017")
def adam_three_steps_late():
    return fit(reader(), patches(seed=45), optimizer=LateAdam(0.003))


@run("development", "MD017")
def adam_of_all_gradients_so_far():
    return fit(mlp(), table(seed=46), optimizer=Summing(0.003))


# ── MD018 ────────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD018")
def a_convolution_with_large_weights():
    wide = initializers.Normal(0.0, 1.0)
    layers = [nn.Conv2d(1, 8, 3, padding="same", weight_init=wide, rng=0), nn.ReLU()]
    for seed in range(4):
        layers += [nn.Conv2d(8, 8, 3, padding="same", weight_init=wide, rng=seed + 1), nn.ReLU()]
    return fit(nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 3, rng=9)), images(seed=47), optimizer=optim.SGD(1e-8))  # fmt: skip


@run("development", "MD018")
def a_long_sequence_through_a_growing_state():
    net = nn.Sequential(nn.RNN(3, 24, activation="tanh", rng=0), nn.FinalOutput(), nn.Linear(24, 2, rng=1))
    cell = net.layers[0].cells[0][0]
    cell.recurrent_weight = mp.Parameter(4 * cell.recurrent_weight)
    return fit(net, sequences(length=30, seed=48), optimizer=optim.SGD(0.01))
