"""Of the group with which the thresholds were set: healthy runs of other designs, optimizers, losses and targets."""

import numpy as np
from runs_development import mlp
from runs_development_data import clouds, flipped, parts, products, rare, rings
from runs_development_healthy import healthy
from runs_development_more import patches, reader
from training_runs import fit, images, numbers, sequences, table

import maplet as mp
from maplet import nn, optim


@healthy
def patches_in_images(seed):
    train, options = parts(patches(seed=seed), 450)
    return fit(reader(seed=seed), train, optimizer=optim.Adam(0.005), seed=seed, **options)


@healthy
def attention_over_steps(seed):
    rng = mp.random.Generator(seed)
    net = nn.Sequential(
        nn.Linear(3, 16, rng=rng), nn.TransformerEncoderLayer(16, 2, rng=rng), nn.Lambda(lambda x: mp.mean(x, axis=1)),
        nn.Linear(16, 2, rng=rng),
    )  # fmt: skip
    return fit(net, sequences(rows=600, seed=seed), optimizer=optim.Adam(0.003), epochs=6, seed=seed)


@healthy
def a_plain_recurrent_net(seed):
    net = nn.Sequential(nn.RNN(3, 16, rng=seed), nn.FinalOutput(), nn.Linear(16, 2, rng=seed + 1))
    train, options = parts(sequences(rows=600, length=6, seed=seed), 480)
    return fit(net, train, optimizer=optim.Adam(0.01), epochs=10, seed=seed, **options)


@healthy
def a_net_that_gives_back_its_inputs(seed):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((600, 3)) @ rng.standard_normal((3, 8))).astype(np.float32)
    net = nn.Sequential(nn.Linear(8, 16, rng=seed), nn.Tanh(), nn.Linear(16, 3, rng=seed + 1), nn.Linear(3, 8, rng=seed + 2))  # fmt: skip
    return fit(net, (x, x), "mse", optim.Adam(0.01), epochs=15, seed=seed)


@healthy
def one_hot_targets(seed):
    x, y = clouds(rows=600, seed=seed)
    train, options = parts((x, np.eye(3, dtype=np.float32)[y]), 450)
    return fit(mlp(columns=6, seed=seed), train, optimizer=optim.AdamW(0.005), seed=seed, **options)


@healthy
def large_numbers(seed):
    """Prices: from a thousand to ten thousand, which the last bias has to reach first."""
    x, y = products(rows=800, seed=seed)
    net = mlp(columns=6, classes=1, hidden=64, seed=seed)
    return fit(net, (x, (y * 3 + 20).astype(np.float32)), "huber", optim.Adam(0.01), epochs=40, seed=seed)


@healthy
def momentum_of_99_hundredths(seed):
    return fit(mlp(columns=6, seed=seed), clouds(seed=seed), optimizer=optim.SGD(0.002, momentum=0.99), epochs=10, seed=seed)  # fmt: skip


@healthy
def a_rate_that_falls_on_plateaus(seed):
    train, options = parts(table(seed=seed), 500)
    return fit(mlp(seed=seed), train, optimizer=optim.Adam(optim.ReduceOnPlateau(0.01, patience=1)), epochs=15, seed=seed, **options)  # fmt: skip


@healthy
def the_sign_of_the_gradient(seed):
    return fit(mlp(columns=6, seed=seed), clouds(seed=seed), optimizer=optim.Lion(0.001), epochs=8, seed=seed)


@healthy
def a_residual_net_that_begins_with_zeros(seed):
    class Residual(nn.Module):
        def __init__(self):
            self.first = nn.Linear(24, 24, rng=seed)
            self.second = nn.Linear(24, 24, weight_init="zeros")

        def forward(self, x):
            return x + self.second(mp.relu(self.first(x)))

    net = nn.Sequential(nn.Linear(8, 24, rng=seed + 1), Residual(), Residual(), nn.Linear(24, 3, rng=seed + 2))
    return fit(net, table(seed=seed), optimizer=optim.Adam(0.005), seed=seed)


@healthy
def batches_of_two_with_short_steps(seed):
    train, options = parts(clouds(rows=400, seed=seed, distance=2.0), 300)
    return fit(mlp(columns=6, seed=seed), train, optimizer=optim.SGD(0.005), batch_size=2, watch=20, seed=seed, **options)  # fmt: skip


@healthy
def numbers_one_row_at_a_time(seed):
    return fit(mlp(columns=6, classes=1, seed=seed), products(rows=400, seed=seed), "mse", optim.SGD(0.002), batch_size=1, watch=40, epochs=20)  # fmt: skip


@healthy
def a_fifth_of_the_rows_of_one_class(seed):
    train, options = parts(rare(rows=900, share=0.2, distance=1.8, seed=seed), 700)
    return fit(mlp(columns=6, classes=2, seed=seed), train, optimizer=optim.Adam(0.005), seed=seed, **options)


@healthy
def many_classes_of_unequal_size(seed):
    x, y = clouds(rows=1000, classes=6, seed=seed, distance=4.0)
    keep = np.random.default_rng(seed).random(len(y)) < np.array([1, 1, 0.7, 0.5, 0.3, 0.2])[y]
    train, options = parts((x[keep], y[keep]), 450)
    return fit(mlp(columns=6, classes=6, seed=seed), train, epochs=10, seed=seed, **options)


@healthy
def a_twentieth_of_wrong_labels_in_images(seed):
    train, options = parts(flipped(images(rows=640, seed=seed), 0.05), 500)
    net = nn.Sequential(nn.Conv2d(1, 8, 3, rng=seed), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 3, rng=seed + 1))  # fmt: skip
    return fit(net, train, optimizer=optim.Adam(0.005), epochs=6, seed=seed, **options)


@healthy
def stopped_at_the_best_epoch(seed):
    train, options = parts(table(rows=240, noise=1.0, seed=seed), 160)
    return fit(mlp(hidden=64, seed=seed), train, epochs=60, callbacks=[mp.EarlyStopping(3)], seed=seed, **options)


@healthy
def a_logit_that_learns_rings(seed):
    x, y = rings(rows=700, seed=seed)
    target = (y == 1).astype(np.float32)[:, None]
    return fit(mlp(columns=4, classes=1, hidden=48, seed=seed), (x, target), "binary_cross_entropy", optim.Adam(0.02), epochs=50)  # fmt: skip


@healthy
def sums_of_sines(seed):
    x, y = numbers(rows=900, columns=2, seed=seed)
    train, options = parts((x, y), 700)
    return fit(mlp(columns=2, classes=1, hidden=64, depth=2, seed=seed), train, "mse", optim.Adam(0.005), epochs=40, seed=seed, **options)  # fmt: skip


@healthy
def a_stream_that_drifts_a_little(seed):
    """The classes come in slightly other shares in the second half, as in life."""
    x, y = clouds(rows=960, seed=seed)
    order = np.argsort((y == 0) * 0.4 + np.random.default_rng(seed).random(len(y)), kind="stable")
    blocks = [(x[part], y[part]) for part in np.array_split(order, 12)]
    return fit(mlp(columns=6, seed=seed), mp.data.Stream(blocks), seed=seed)
