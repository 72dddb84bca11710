"""The group that measures the doctor: tables."""

import numpy as np
from real_data import datasets, diabetes, houses, iris, penguins, red_wines, scaled, tumours, wines
from training_runs import (
    Climbing,
    NeverCleared,
    Stale,
    beside,
    dense,
    fit,
    flipped,
    halves,
    in_order,
    numbers,
    rare,
    rings,
    run,
    shuffled,
    table,
)

import maplet as mp
from maplet import nn, optim
from maplet.nn.initializers import Constant, Normal, Uniform

# ── faulty ───────────────────────────────────────────────────────────────────────────────────────


@run("held out", "MD001")
def tumours_climbed():
    return fit(dense(30, 48, 48, 2, seed=11), tumours(), optimizer=Climbing(0.001))


class Swinging(optim.Schedule):
    """A cosine that nobody stops at 0: the second half of the rates is negative."""

    def rate(self, step):
        return 0.1 * mp.cos(step * (np.pi / 60))


@run("held out", "MD001")
def iris_with_a_rate_that_turns_negative():
    return fit(dense(4, 16, 3, seed=1), iris(), optimizer=optim.SGD(Swinging(), momentum=0.5), epochs=18)


@run("held out", "MD001")
def numbers_climbed_by_adam():
    optimizer = optim.Chain(0.003, optim.scale_by_adam(), optim.scale(-1.0))
    return fit(dense(8, 24, 1), numbers(seed=31), "huber", optimizer)


@run("held out", "MD002", "MD018")
def wines_with_a_rate_that_is_too_high():
    return fit(dense(13, 48, 48, 3, seed=11), wines(), optimizer=optim.SGD(4.0), epochs=20)


@run("held out", "MD002", "MD018")
def a_line_through_diabetes_that_swings_up():
    return fit(nn.Linear(10, 1, rng=3), diabetes(), "mse", optim.SGD(0.3), batch_size=128, epochs=12)


@run("held out", "MD003")
def diabetes_with_a_rate_that_is_too_low():
    return fit(dense(10, 48, 48, 1, seed=11), diabetes(), "mse", optim.SGD(1e-7, momentum=0.9))


@run("held out", "MD003")
def tumours_by_adam_with_a_rate_that_is_too_low():
    return fit(dense(30, 16, 2, activation=nn.GELU, seed=4), tumours(), optimizer=optim.Adam(2e-6), epochs=12)


@run("held out", "MD003")
def a_warm_up_that_is_longer_than_the_run():
    return fit(dense(13, 32, 3, seed=5), wines(), optimizer=optim.SGD(optim.Warmup(0.1, 1_000_000)), epochs=15)


@run("held out", "MD004")
def diabetes_with_targets_of_others():
    x, y = diabetes()
    return fit(dense(10, 8, 1, activation=nn.Tanh, seed=6), (x, shuffled(y)), "mse", optim.SGD(0.02), epochs=12)


@run("held out", "MD004", "MD007")
def tumours_whose_columns_were_wiped():
    x, y = tumours()
    return fit(dense(30, 32, 2, seed=7), (0 * x, y), optimizer=optim.Adam(0.003))


@run("held out", "MD005")
def half_of_the_diabetes_by_heart():
    train, valid = halves(diabetes(), 0.27)
    return fit(dense(10, 256, 256, 1, seed=11), train, "mse", optim.Adam(0.003), epochs=60, **valid)


@run("held out", "MD005", needs="wine_quality")
def marks_of_wines_by_heart():
    train, valid = halves((red_wines()[0][:500], scaled(red_wines()[1][:500, None])), 0.4)
    return fit(dense(11, 200, 100, 1, seed=9), train, "mse", optim.Nadam(0.004), epochs=40, **valid)


@run("held out", "MD006")
def many_layers_of_sigmoids_on_tumours():
    return fit(dense(30, *[48] * 9, 2, activation=nn.Sigmoid, seed=11), tumours(), optimizer=optim.SGD(0.1))


@run("held out", "MD007")
def tumours_below_every_threshold():
    net = dense(30, 32, 2, bias_init=Constant(-15.0), seed=8)
    return fit(net, tumours(), optimizer=optim.SGD(0.02))


@run("held out", "MD007")
def a_second_layer_that_only_subtracts():
    net = dense(8, 32, 32, 3, seed=9)
    net.layers[2].weight = nn.Linear(32, 32, weight_init=Uniform(-0.4, -0.1), rng=10).weight
    return fit(net, table(seed=22), optimizer=optim.Adam(0.0005))


@run("held out", "MD008", "MD006")
def wines_that_are_not_scaled():
    loaded = datasets.load_wine()
    net = dense(13, 48, 3, activation=nn.Sigmoid, seed=11)
    return fit(net, (loaded.data.astype(np.float32), loaded.target), optimizer=optim.SGD(0.01), epochs=20)


@run("held out", "MD008")
def weights_that_begin_too_large_for_tanh():
    net = dense(8, 48, 48, 1, activation=nn.Tanh, weight_init=Normal(0, 4.0), seed=12)
    net.layers[4].weight = nn.Linear(48, 1, rng=13).weight
    return fit(net, numbers(seed=23), "mse", optim.SGD(0.001))


@run("held out", "MD009", "MD004")
def rings_by_a_line():
    train, valid = halves(rings())
    return fit(nn.Linear(2, 2, rng=1), train, optimizer=optim.Adam(0.02), epochs=20, **valid)


@run("held out", "MD019", "MD009", "MD004")
def numbers_under_a_heavy_decay():
    train, valid = halves(numbers(seed=24), 0.7)
    optimizer = optim.SGD(0.05, momentum=0.9, weight_decay=0.2)
    return fit(dense(8, 64, 1, seed=13), train, "mse", optimizer, epochs=25, **valid)


@run("held out", "MD009")
def one_unit_for_many_columns():
    train, valid = halves(table(rows=900, classes=4, noise=0.2, seed=33), 0.7)
    return fit(dense(8, 1, 4, activation=nn.Tanh, seed=13), train, optimizer=optim.Adam(0.02), epochs=20, **valid)


@run("held out", "MD010")
def diabetes_that_know_the_answer():
    x, y = diabetes()
    train, valid = halves((beside(x, y + 0.01 * np.random.default_rng(1).standard_normal(y.shape)), y), 0.7)
    return fit(dense(11, 32, 1, seed=14), train, "mse", optim.Adam(0.005), epochs=25, **valid)


@run("held out", "MD010")
def a_number_given_by_class():
    x, y = table(rows=500, noise=2.0, seed=25)
    code = np.array([3.0, -1.0, 0.5])[y]  # such as an id that was given class by class
    train, valid = halves((beside(x, code), y), 0.7)
    return fit(dense(9, 32, 3, seed=15), train, optimizer=optim.Adam(0.01), epochs=20, **valid)


@run("held out", "MD010")
def validated_with_rows_of_the_training():
    x, y = table(rows=300, columns=20, noise=2.0, seed=26)
    options = {"epochs": 30, "validation": (x[:120], y[:120])}
    return fit(dense(20, 96, 3, seed=16), (x, y), optimizer=optim.Adam(0.005), **options)


@run("held out", "MD011")
def tumours_with_a_quarter_of_the_labels_wrong():
    x, y = tumours()
    train, valid = halves((x, flipped(y, 0.25, 2, seed=1)), 0.7)
    return fit(dense(30, 16, 2, seed=17), train, optimizer=optim.SGD(0.03), epochs=20, **valid)


@run("held out", "MD012")
def a_class_of_four_in_a_hundred_is_never_said():
    few = rare(table(rows=2400, noise=0.3, seed=32), 1, 0.04)
    return fit(dense(8, 16, 2, seed=19), few, optimizer=optim.SGD(0.03), epochs=6)


@run("held out", "MD013", "MD002")
def diabetes_two_by_two():
    return fit(nn.Linear(10, 1, rng=21), diabetes(), "mse", optim.SGD(0.08), batch_size=2, epochs=6, watch=20)


@run("held out", "MD013", "MD002")
def tumours_two_by_two():
    return fit(dense(30, 32, 2, seed=22), tumours(), optimizer=optim.Adam(0.03), batch_size=2, epochs=6, watch=20)


@run("held out", "MD014")
def a_logarithm_of_nothing():
    def surprise(prediction, target):
        p = mp.sigmoid(prediction)
        return -mp.mean(target * mp.log(p) + (1 - target) * mp.log(1 - p))

    x, y = tumours()
    return fit(dense(30, 32, 1, seed=23), (x, y[:, None].astype(np.float32)), surprise, optim.Adam(0.03))


@run("held out", "MD014")
def a_column_without_spread_divided_by_it():
    def standardised(x):
        return (x - mp.mean(x, axis=0)) / mp.std(x, axis=0)

    x, y = iris()
    net = nn.Sequential(nn.Lambda(standardised), dense(5, 16, 3, seed=24))
    return fit(net, (beside(x, np.ones(len(x))), y), optimizer=optim.SGD(0.1))


@run("held out", "MD014")
def the_root_of_a_distance_of_nothing():
    def distance(prediction, target):
        return mp.mean(mp.sqrt(mp.sum((prediction - target) ** 2, axis=1)))

    x, y = numbers(seed=28)
    missing = (np.arange(len(x)) % 20 > 0).astype(np.float32)[:, None]  # rows that somebody filled with zeros
    return fit(dense(8, 16, 1, seed=28), (missing * x, missing * y), distance, optim.SGD(0.05))


@run("held out", "MD015")
def units_that_all_begin_alike():
    net = dense(30, 24, 2, weight_init=Constant(0.02))
    return fit(net, tumours(), optimizer=optim.SGD(0.05, momentum=0.9))


@run("held out", "MD015", "MD004")
def weights_of_nothing():
    net = dense(4, 16, 16, 3, activation=nn.Tanh, weight_init="zeros")
    return fit(net, iris(), optimizer=optim.Adam(0.01), epochs=15)


@run("held out", "MD016")
def points_sorted_by_class():
    x, y = table(rows=960, seed=34)
    order = np.argsort(y, kind="stable")
    return fit(dense(8, 32, 3, seed=25), in_order(x[order], y[order]), optimizer=optim.SGD(0.1), epochs=12)


@run("held out", "MD016")
def diabetes_sorted_by_target():
    x, y = diabetes()
    order = np.argsort(y[:, 0])
    return fit(dense(10, 32, 1, seed=26), in_order(x[order], y[order]), "mse", optim.SGD(0.05), epochs=10)


@run("held out", "MD017")
def tumours_along_gradients_of_before():
    return fit(dense(30, 24, 2, seed=27), tumours(), optimizer=Stale(0.1, 30), epochs=11)


@run("held out", "MD017")
def numbers_along_all_gradients_so_far():
    return fit(dense(8, 32, 1, activation=nn.SiLU, seed=28), numbers(seed=29), "mse", NeverCleared(0.01), epochs=14)


@run("held out", "MD018", "MD002", "MD014")
def prices_in_their_own_unit():
    x, y = numbers(seed=30)
    return fit(dense(8, 32, 1, seed=30), (x, 200_000 + 100_000 * y), "mse", optim.SGD(0.01), watch=1)


@run("held out", "MD019", "MD009")
def numbers_under_the_decay_of_another_optimizer():
    train, valid = halves(numbers(rows=900, columns=4, seed=91), 0.75)
    net = dense(4, 48, 48, 1, activation=nn.SiLU, seed=31)
    return fit(net, train, "mse", optim.AdamW(0.005, weight_decay=3.0), epochs=20, **valid)


@run("held out", "MD019", "MD009", needs="penguins")
def penguins_held_down_by_their_decay():
    optimizer = optim.RMSprop(0.003, weight_decay=0.1)
    return fit(dense(4, 32, 3, activation=nn.Tanh, seed=32), penguins(), optimizer=optimizer, epochs=25)


# ── healthy ──────────────────────────────────────────────────────────────────────────────────────


@run("held out")
def tumours_with_adam():
    return fit(dense(30, 48, 48, 2, seed=11), tumours(), optimizer=optim.Adam(0.002))


@run("held out")
def wines_with_plain_descent():
    return fit(dense(13, 48, 48, 3, seed=11), wines(), optimizer=optim.SGD(0.05), epochs=20)


@run("held out")
def diabetes_with_early_stopping():
    train, valid = halves(diabetes(), 0.7)
    return fit(dense(10, 48, 48, 1, seed=11), train, "mse", optim.Adam(0.003), epochs=40,
               callbacks=[mp.EarlyStopping(3)], **valid)  # fmt: skip


@run("held out")
def diabetes_with_a_line_at_its_optimum():
    return fit(nn.Linear(10, 1, rng=0), diabetes(), "mse", optim.SGD(0.02), epochs=40)


@run("held out")
def numbers_with_a_wide_net():
    return fit(dense(8, 128, 128, 1, seed=11), numbers(seed=9), "huber", optim.AdamW(0.002), epochs=15)


@run("held out")
def wines_with_layer_norm():
    net = nn.Sequential(nn.Linear(13, 24, rng=0), nn.LayerNorm(24), nn.SiLU(), nn.Linear(24, 3, rng=1))
    return fit(net, wines(), optimizer=optim.Lion(0.004), epochs=20)


@run("held out")
def iris_after_a_warm_up():
    rate = optim.Warmup(optim.Cosine(0.1, 180), 30)
    return fit(dense(4, 16, 3, activation=nn.Tanh, seed=2), iris(), optimizer=optim.SGD(rate, momentum=0.9), epochs=40)


@run("held out")
def iris_of_one_batch_by_rprop():
    return fit(
        dense(4, 12, 3, activation=nn.Sigmoid, seed=3), iris(), optimizer=optim.Rprop(0.01), batch_size=150, epochs=80
    )


@run("held out", needs="penguins")
def penguins_by_adagrad():
    train, valid = halves(penguins(), 0.8)
    return fit(dense(4, 24, 3, seed=4), train, optimizer=optim.Adagrad(0.1), epochs=20, **valid)


@run("held out", needs="california_housing")
def houses_by_muon():
    return fit(dense(7, 48, 48, 1, activation=nn.GELU, seed=5), houses(), "mse", optim.Muon(0.005), epochs=10)


@run("held out", needs="wine_quality")
def marks_of_wines_with_early_stopping():
    x, y = red_wines()
    train, valid = halves((x, scaled(y[:, None])), 0.8)
    return fit(dense(11, 32, 1, seed=6), train, "huber", optim.RMSprop(0.002), epochs=30,
               callbacks=[mp.EarlyStopping(3)], **valid)  # fmt: skip


@run("held out")
def a_rare_class_that_is_learned():
    return fit(dense(30, 32, 2, seed=7), rare(tumours(), 0, 0.08), optimizer=optim.Adam(0.005), epochs=20)


@run("held out")
def a_rare_class_with_weights():
    x, y = rare(rings(2400, seed=3), 1, 0.06)
    weights = np.where(y == 1, 8.0, 1.0).astype(np.float32)
    return fit(dense(2, 24, 2, seed=8), (x, y, weights), optimizer=optim.Adam(0.02), epochs=12)


@run("held out")
def points_with_a_few_wrong_labels():
    x, y = tumours()
    train, valid = halves((x, flipped(y, 0.04, 2, seed=3)), 0.7)
    return fit(dense(30, 8, 2, seed=9), train, optimizer=optim.SGD(0.05, momentum=0.5, weight_decay=0.02), **valid)


@run("held out")
def classes_that_overlap():
    x, y = table(rows=2000, noise=3.0, seed=41)
    train, valid = halves((x, y), 0.75)
    return fit(dense(8, 24, 3, activation=nn.ELU, seed=10), train, optimizer=optim.Adam(0.003), epochs=10, **valid)


@run("held out")
def numbers_with_much_noise():
    rng = np.random.default_rng(42)
    x = rng.standard_normal((1500, 6)).astype(np.float32)
    y = (x[:, :1] - np.abs(x[:, 1:2]) + 0.7 * rng.standard_normal((1500, 1))).astype(np.float32)
    train, valid = halves((x, y), 0.7)
    return fit(dense(6, 24, 1, seed=11), train, "mae", optim.Adamax(0.01), epochs=15, **valid)


@run("held out")
def four_rows_at_a_time():
    return fit(dense(13, 32, 3, seed=12), wines(), optimizer=optim.SGD(0.01), batch_size=4, epochs=15, watch=15)


@run("held out")
def one_row_at_a_time():
    return fit(
        dense(30, 24, 2, activation=nn.Tanh, seed=13),
        tumours(),
        optimizer=optim.SGD(0.003),
        batch_size=1,
        epochs=6,
        watch=40,
    )


@run("held out")
def a_plateau_before_the_parity_is_found():
    x = np.random.default_rng(43).choice([-1.0, 1.0], (640, 4)).astype(np.float32)
    y = (np.prod(x, axis=1) > 0).astype(np.int64)
    return fit(dense(4, 24, 2, activation=nn.Tanh, seed=14), (x, y), optimizer=optim.SGD(0.05, momentum=0.9), epochs=30)


@run("held out")
def rings_in_a_deep_net_that_begins_well():
    net = dense(2, *[24] * 6, 2, weight_init="he_normal", seed=15)
    return fit(net, rings(1200, seed=4), optimizer=optim.Adam(0.002), epochs=12)


@run("held out")
def rings_with_batch_norm():
    rng = mp.random.Generator(16)
    hidden = [layer for a in (2, 32, 32) for layer in (nn.Linear(a, 32, rng=rng), nn.BatchNorm(32), nn.ReLU())]
    return fit(
        nn.Sequential(*hidden, nn.Linear(32, 2, rng=rng)), rings(1200, seed=5), optimizer=optim.Nadam(0.005), epochs=15
    )


@run("held out")
def rows_in_an_order_that_says_nothing():
    x, y = table(rows=960, noise=0.2, seed=44)
    return fit(dense(8, 48, 3, seed=17), in_order(x, y), optimizer=optim.Lookahead(optim.Adam(0.01)), epochs=15)


@run("held out")
def dropout_on_a_table():
    x, y = table(rows=1200, noise=0.3, seed=45)
    train, valid = halves((x, y), 0.75)
    net = nn.Sequential(nn.Linear(8, 64, rng=18), nn.ReLU(), nn.Dropout(0.3, rng=19), nn.Linear(64, 3, rng=20))
    return fit(net, train, optimizer=optim.Adam(0.01), epochs=8, **valid)


@run("held out")
def iris_by_a_line():
    rate = optim.Exponential(0.2, 0.9, every=5)
    return fit(nn.Linear(4, 3, rng=22), iris(), optimizer=optim.SGD(rate, nesterov=True, momentum=0.9), epochs=25)


@run("held out")
def tumours_by_adafactor():
    train, valid = halves(tumours(), 0.7)
    return fit(dense(30, 24, 2, activation=nn.SELU, seed=23), train, optimizer=optim.Adafactor(0.02), **valid)


@run("held out")
def a_straight_line_in_large_noise():
    rng = np.random.default_rng(46)
    x = rng.standard_normal((800, 5)).astype(np.float32)
    y = (x @ rng.standard_normal((5, 1)) + 2.0 * rng.standard_normal((800, 1))).astype(np.float32)
    train, valid = halves((x, y), 0.75)
    return fit(nn.Linear(5, 1, rng=24), train, "huber", optim.SGD(0.05), epochs=12, **valid)


@run("held out")
def few_noisy_rows_that_decay_keeps_from_the_heart():
    train, valid = halves(table(rows=800, columns=12, noise=2.0, seed=92), 0.3)
    optimizer = optim.SGD(0.05, momentum=0.9, weight_decay=0.03)
    return fit(dense(12, 48, 3, activation=nn.Tanh, seed=33), train, optimizer=optimizer, epochs=20, **valid)


@run("held out")
def diabetes_whose_weights_alone_decay():
    optimizer = optim.without_decay(optim.AdamW(optim.Cosine(0.01, 280), weight_decay=0.1))
    return fit(dense(10, 16, 1, activation=nn.GELU, seed=34), diabetes(), "mse", optimizer, epochs=20)
