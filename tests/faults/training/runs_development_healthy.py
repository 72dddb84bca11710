"""Of the group with which the thresholds were set: runs with which all is well, although some look as if it were not."""

import numpy as np
from runs_development import convolutional, mlp, recurrent
from runs_development_data import clouds, flipped, parts, products, rare, rings
from training_runs import fit, images, numbers, run, sequences, table

import maplet as mp
from maplet import nn, optim


def healthy(make):
    """Enter a healthy run with three seeds, each under a name of its own."""
    for seed in (100, 101, 102):

        def seeded(seed=seed):
            return make(seed)

        seeded.__name__ = f"{make.__name__}_{seed}"
        run("development")(seeded)
    return make


@healthy
def a_table_by_seed(seed):
    train, options = parts(table(seed=seed), 500)
    return fit(mlp(seed=seed), train, seed=seed, **options)


@healthy
def products_of_columns(seed):
    train, options = parts(products(rows=900, seed=seed), 700)
    return fit(mlp(columns=6, classes=1, hidden=64, seed=seed), train, "mse", optim.Adam(0.005), epochs=30, seed=seed, **options)  # fmt: skip


@healthy
def rings_and_a_net(seed):
    train, options = parts(rings(rows=900, seed=seed), 700)
    return fit(mlp(columns=4, hidden=48, seed=seed), train, epochs=15, seed=seed, **options)


@healthy
def bars_in_images(seed):
    train, options = parts(images(seed=seed), 380)
    return fit(convolutional(seed), train, seed=seed, **options)


@healthy
def sequences_read_by_a_gru(seed):
    train, options = parts(sequences(rows=600, seed=seed), 480)
    return fit(recurrent(seed), train, seed=seed, epochs=10, **options)


@healthy
def a_few_wrong_labels(seed):
    """Every thirtieth label is wrong, which no net can mend: mild, and usual."""
    train, options = parts(flipped(clouds(rows=700, seed=seed), 0.03), 550)
    return fit(mlp(columns=6, seed=seed), train, optimizer=optim.Adam(0.003), seed=seed, **options)


@healthy
def classes_that_overlap(seed):
    """A fifth of the rows lie among those of another class."""
    train, options = parts(clouds(rows=700, seed=seed, distance=1.3), 550)
    return fit(mlp(columns=6, seed=seed), train, optimizer=optim.Adam(0.003), epochs=6, seed=seed, **options)


@healthy
def a_rare_class_that_is_learned(seed):
    train, options = parts(rare(rows=900, seed=seed, share=0.06, distance=4.0), 700)
    return fit(mlp(columns=6, classes=2, seed=seed), train, seed=seed, metrics=["accuracy"], **options)


@healthy
def few_rows(seed):
    train, options = parts(clouds(rows=120, seed=seed, distance=4.0), 80)
    net = nn.Sequential(nn.Linear(6, 16, rng=seed), nn.ReLU(), nn.Linear(16, 3, rng=seed + 1))
    return fit(net, train, optimizer=optim.Adam(0.01), epochs=20, batch_size=16, watch=2, **options)


@healthy
def batches_of_four(seed):
    train, options = parts(clouds(rows=500, seed=seed, distance=3.0), 400)
    return fit(mlp(columns=6, seed=seed), train, optimizer=optim.SGD(0.02), batch_size=4, watch=10, seed=seed, **options)  # fmt: skip


@healthy
def a_warm_up(seed):
    rate = optim.Warmup(optim.Constant(0.01), 40) if hasattr(optim, "Constant") else 0.01
    return fit(mlp(depth=3, seed=seed), table(seed=seed), optimizer=optim.Adam(rate), seed=seed)


@healthy
def much_dropout(seed):
    train, options = parts(clouds(rows=700, seed=seed), 550)
    rng = mp.random.Generator(seed)
    net = nn.Sequential(
        nn.Linear(6, 128, rng=rng), nn.ReLU(), nn.Dropout(0.5, rng=rng), nn.Linear(128, 64, rng=rng), nn.ReLU(),
        nn.Dropout(0.5, rng=rng), nn.Linear(64, 3, rng=rng),
    )  # fmt: skip
    return fit(net, train, optimizer=optim.Adam(0.003), epochs=12, seed=seed, **options)


@healthy
def a_stream_in_chance_order(seed):
    """Blocks of rows that were shuffled before."""
    x, y = table(seed=seed)
    stream = mp.data.Stream([(x[at : at + 80], y[at : at + 80]) for at in range(0, 640, 80)])
    return fit(mlp(seed=seed), stream, seed=seed)


@healthy
def a_plateau_before_it_learns(seed):
    """Small weights in a deep net of tanh: nothing happens for a while."""
    net = mlp(columns=6, classes=1, depth=3, hidden=32, activation=nn.Tanh, seed=seed)
    return fit(net, products(seed=seed), "mse", optim.SGD(0.05, momentum=0.9), epochs=40, seed=seed)


@healthy
def one_number_that_tells_the_class(seed):
    """Zero or one, by a logit; balanced, with some overlap."""
    x, y = clouds(rows=600, classes=2, seed=seed, distance=2.5)
    train, options = parts((x, y.astype(np.float32)[:, None]), 450)
    return fit(mlp(columns=6, classes=1, seed=seed), train, "binary_cross_entropy", seed=seed, epochs=6, **options)


@healthy
def a_line_for_what_is_a_line(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((500, 10)).astype(np.float32)
    y = (x @ rng.standard_normal((10, 1)) + 0.5 * rng.standard_normal((500, 1))).astype(np.float32)
    train, options = parts((x, y), 400)
    return fit(nn.Linear(10, 1, rng=seed), train, "mse", optim.SGD(0.05), epochs=12, **options)


@healthy
def numbers_with_heavy_tails(seed):
    """The noise is Laplace's: a few rows lie far off, as they do in life."""
    rng = np.random.default_rng(seed)
    x, y = products(seed=seed, noise=0.0)
    y = y + 0.3 * rng.laplace(size=y.shape).astype(np.float32)
    return fit(mlp(columns=6, classes=1, hidden=64, seed=seed), (x, y.astype(np.float32)), "mae", optim.Adam(0.005), epochs=25)  # fmt: skip


@healthy
def a_column_that_tells_much(seed):
    """One column alone gives nine of ten classes, honestly."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 600)
    x = rng.standard_normal((600, 5)).astype(np.float32)
    x[:, 2] = y + 0.28 * rng.standard_normal(600)
    train, options = parts((x, y), 450)
    return fit(mlp(columns=5, seed=seed), train, seed=seed, **options)


@healthy
def rows_of_few_kinds(seed):
    """Answers to four yes-or-no questions: the same rows stand in both parts, as they must."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (600, 4)).astype(np.float32)
    chance = np.array([0.05, 0.1, 0.9, 0.95])[(x[:, 0] + 2 * ((x[:, 1] + x[:, 2]) % 2)).astype(int)]
    y = (rng.random(600) < chance).astype(np.int64)
    train, options = parts((x, y), 450)
    return fit(mlp(columns=4, classes=2, seed=seed), train, seed=seed, epochs=10, **options)


@healthy
def a_net_with_normalization(seed):
    rng = mp.random.Generator(seed)
    net = nn.Sequential(
        nn.Linear(8, 48, rng=rng), nn.BatchNorm(48), nn.ReLU(), nn.Linear(48, 48, rng=rng), nn.BatchNorm(48), nn.ReLU(),
        nn.Linear(48, 3, rng=rng),
    )  # fmt: skip
    return fit(net, table(seed=seed, noise=0.2), optimizer=optim.SGD(0.1, momentum=0.9), seed=seed)


@healthy
def a_wide_net_with_decay(seed):
    return fit(mlp(hidden=256, seed=seed), numbers_as_signs(seed), optimizer=optim.AdamW(0.002, weight_decay=0.01), seed=seed)  # fmt: skip


def numbers_as_signs(seed):
    """Whether a number is positive."""
    x, y = numbers(rows=900, seed=seed)
    return x, (y[:, 0] > 0).astype(np.int64)
