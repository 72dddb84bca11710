"""Of the group with which the thresholds were set: runs whose data is the fault, MD009 to MD012 and MD016."""

import numpy as np
from runs_development import convolutional, mlp
from training_runs import fit, images, run, table

import maplet as mp
from maplet import nn, optim


def products(rows=640, seed=0, noise=0.1):
    """Rows of six numbers, of which the products of pairs add up to the target: no line tells it."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 6)).astype(np.float32)
    y = x[:, 0] * x[:, 1] + x[:, 2] ** 2 - 1 + noise * rng.standard_normal(rows)
    return x, y.astype(np.float32)[:, None]


def rings(rows=600, seed=0):
    """Three rings round one another, in four columns of which two say nothing."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, rows)
    angle, radius = rng.uniform(0, 2 * np.pi, rows), 1 + y + 0.15 * rng.standard_normal(rows)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle), *rng.standard_normal((2, rows))], axis=1)
    return x.astype(np.float32), y


def clouds(rows=600, classes=3, columns=6, seed=0, distance=2.5):
    """A cloud of points for each class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, rows)
    return (distance * rng.standard_normal((classes, columns))[y] / np.sqrt(2) + rng.standard_normal((rows, columns))
            ).astype(np.float32), y  # fmt: skip


def rare(rows=800, share=0.06, distance=1.0, seed=0, columns=6):
    """Two classes, of which one is rare and lies at the edge of the other."""
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < share).astype(np.int64)
    x = rng.standard_normal((rows, columns)).astype(np.float32)
    x[y == 1, :2] += distance
    return x, y


def flipped(data, share, seed=1):
    """The same rows, of which some have the label of another class."""
    x, y = data
    rng = np.random.default_rng(seed)
    hit = rng.random(len(y)) < share
    classes = int(y.max()) + 1
    return x, np.where(hit, (y + rng.integers(1, classes, len(y))) % classes, y)


def parts(data, at):
    """Training rows, and the rest as validation."""
    x, y = data
    return (x[:at], y[:at]), {"validation": (x[at:], y[at:])}


def in_order(data, block, key=None):
    """A stream of blocks of rows that are sorted by their target."""
    x, y = data
    order = np.argsort(y.reshape(len(y)) if key is None else key, kind="stable")
    cuts = range(0, len(y), block)
    return mp.data.Stream([(x[order[at : at + block]], y[order[at : at + block]]) for at in cuts])


# ── MD009, underfitting ──────────────────────────────────────────────────────────────────────────


@run("development", "MD009")
def a_line_through_products():
    return fit(nn.Linear(6, 1, rng=0), products(), "mse", optim.Adam(0.02), epochs=20)


@run("development", "MD009")
def rings_told_apart_by_lines():
    train, options = parts(rings(), 450)
    return fit(nn.Linear(4, 3, rng=0), train, optimizer=optim.SGD(0.1), epochs=15, **options)


@run("development", "MD009")
def one_hidden_unit():
    train, options = parts(table(noise=0.2), 500)
    return fit(mlp(hidden=1, activation=nn.Tanh), train, epochs=15, **options)


@run("development", "MD019", "MD009")
def decay_that_holds_the_weights_down():
    return fit(mlp(columns=6, classes=3, hidden=64), clouds(seed=3), optimizer=optim.AdamW(0.003, weight_decay=100.0), epochs=12)  # fmt: skip


@run("development", "MD009")
def training_that_ended_too_soon():
    train, options = parts(clouds(seed=4), 450)
    return fit(mlp(columns=6, classes=3), train, optimizer=optim.SGD(0.002), epochs=3, **options)


@run("development", "MD009")
def images_through_two_units():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 1, rng=0), nn.Tanh(), nn.Linear(1, 3, rng=1))
    return fit(net, images(), epochs=12)


# ── MD010, leakage ───────────────────────────────────────────────────────────────────────────────


@run("development", "MD010")
def a_column_that_is_the_class():
    x, y = table(noise=2.0)
    told = y + 0.01 * np.random.default_rng(3).standard_normal(len(y))
    return fit(mlp(columns=9), (np.column_stack([x, told]).astype(np.float32), y))


@run("development", "MD010")
def a_column_computed_from_the_number():
    x, y = products(seed=2)
    told = np.exp(y[:, 0] / 3) + 0.01 * np.random.default_rng(4).standard_normal(len(y))
    return fit(mlp(columns=7, classes=1), (np.column_stack([x, told]).astype(np.float32), y), "mse", epochs=12)


@run("development", "MD010")
def validation_rows_that_were_trained_on():
    x, y = table(seed=6)
    return fit(mlp(), (x, y), validation=(x[500:], y[500:]))


@run("development", "MD010")
def images_of_which_some_stand_in_both_parts():
    x, y = images(seed=6)
    return fit(convolutional(), (x[:400], y[:400]), validation=(np.concatenate([x[400:], x[:30]]), np.concatenate([y[400:], y[:30]])))  # fmt: skip


# ── MD011, label noise ───────────────────────────────────────────────────────────────────────────


@run("development", "MD011")
def clouds_with_a_fifth_of_wrong_labels():
    return fit(mlp(columns=6), flipped(clouds(seed=7), 0.2), optimizer=optim.Adam(0.003))


@run("development", "MD011")
def rings_with_a_quarter_of_wrong_labels():
    train, options = parts(flipped(rings(rows=900, seed=8), 0.25), 700)
    return fit(mlp(columns=4, hidden=48), train, epochs=15, **options)


@run("development", "MD011")
def images_with_a_fifth_of_wrong_labels():
    train, options = parts(flipped(images(rows=640, seed=9), 0.2), 480)
    return fit(convolutional(), train, epochs=10, **options)


@run("development", "MD011")
def two_classes_one_of_which_is_often_called_the_other():
    x, y = clouds(rows=800, classes=2, seed=10, distance=4.0)
    hit = (y == 1) & (np.random.default_rng(3).random(len(y)) < 0.3)
    return fit(mlp(columns=6, classes=2), (x, np.where(hit, 0, y)), optimizer=optim.Adam(0.003))


@run("development", "MD011")
def numbers_of_which_some_are_mistyped():
    x, y = products(seed=11)
    hit = np.random.default_rng(3).random(len(y)) < 0.08
    y = np.where(hit[:, None], y + 12 * np.random.default_rng(4).choice([-1, 1], (len(y), 1)), y).astype(np.float32)
    return fit(mlp(columns=6, classes=1, hidden=64), (x, y), "mae", epochs=25)


# ── MD012, a class that is ignored ───────────────────────────────────────────────────────────────


@run("development", "MD012")
def a_rare_class_at_the_edge():
    return fit(mlp(columns=6, classes=2), rare(), optimizer=optim.Adam(0.003))


@run("development", "MD012")
def a_rare_class_of_two_by_one_number():
    x, y = rare(seed=2, share=0.08, distance=0.8)
    train, options = parts((x, y.astype(np.float32)[:, None]), 600)
    net = nn.Sequential(nn.Linear(6, 16, rng=0), nn.ReLU(), nn.Linear(16, 1, rng=1))
    return fit(net, train, "binary_cross_entropy", optim.SGD(0.05), **options)


@run("development", "MD012")
def a_rare_class_among_four():
    x, y = clouds(rows=900, classes=4, seed=12)
    keep = (y != 3) | (np.random.default_rng(2).random(len(y)) < 0.1)
    x, y = x[keep], y[keep]
    x[y == 3] = 0.7 * x[y == 0][: (y == 3).sum()] + 0.3 * x[y == 3]
    return fit(mlp(columns=6, classes=4), (x, y), optimizer=optim.SGD(0.02))


# ── MD016, forgotten shuffling ───────────────────────────────────────────────────────────────────


@run("development", "MD016")
def classes_one_after_the_other():
    return fit(mlp(), in_order(table(), 32))


@run("development", "MD016")
def blocks_of_one_class():
    return fit(mlp(columns=6), in_order(clouds(seed=13), 200), epochs=10)


@run("development", "MD016")
def numbers_in_ascending_order():
    return fit(mlp(columns=6, classes=1), in_order(products(seed=14), 64), "mse", optim.Adam(0.01))


@run("development", "MD016")
def images_in_order_of_their_class():
    return fit(convolutional(), in_order(images(seed=15), 40), epochs=6)
