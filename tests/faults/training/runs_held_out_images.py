"""The group that measures the doctor: images."""

import numpy as np
from real_data import digits, handwriting
from training_runs import (
    Climbing,
    NeverCleared,
    Stale,
    dense,
    fit,
    flipped,
    halves,
    images,
    in_order,
    rare,
    run,
    shuffled,
)

import maplet as mp
from maplet import nn, optim
from maplet.nn.initializers import Constant, Normal


def reader(classes=10, *, side=8, width=12, activation=nn.GELU, seed=12, **options):
    """A convolution, a pool, and two layers that read what is left."""
    rng = mp.random.Generator(seed)
    left = width * ((side - 2) // 2) ** 2
    return nn.Sequential(
        nn.Conv2d(1, width, 3, rng=rng, **options), activation(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(left, 32, rng=rng, **options), nn.ReLU(), nn.Linear(32, classes, rng=rng),
    )  # fmt: skip


def flat(*widths, **options):
    """Layers on the pixels, whatever lies beside what."""
    return nn.Sequential(nn.Flatten(), *dense(*widths, **options).layers)


def stack(depth, classes, *, width=6, activation=nn.ReLU, seed=0, **options):
    """Convolutions that keep the size of the image, one on another, and the mean of what they see."""
    rng = mp.random.Generator(seed)
    channels = [1, *[width] * depth]
    layers = [
        layer
        for a, b in zip(channels, channels[1:], strict=False)
        for layer in (nn.Conv2d(a, b, 3, padding="same", rng=rng, **options), activation())
    ]
    return nn.Sequential(*layers, nn.GlobalAvgPool(), nn.Linear(width, classes, rng=rng))


# ── faulty ───────────────────────────────────────────────────────────────────────────────────────


@run("held out", "MD001")
def digits_climbed_with_momentum():
    return fit(reader(), digits(), optimizer=Climbing(0.002, momentum=0.8), epochs=5)


@run("held out", "MD001")
def bars_climbed_by_the_sign():
    sign = optim.stateless(lambda gradients, _: {name: -mp.sign(g) for name, g in gradients.items()})
    return fit(flat(64, 24, 3, seed=1), images(seed=31), optimizer=optim.Chain(0.0005, sign))


@run("held out", "MD002")
def digits_with_adam_at_a_half():
    return fit(reader(), digits(), optimizer=optim.Adam(0.5), epochs=5)


@run("held out", "MD002", "MD018")
def bars_with_momentum_that_carries_too_far():
    return fit(reader(3, width=8, seed=2), images(seed=32), optimizer=optim.SGD(1.5, momentum=0.9))


@run("held out", "MD003")
def digits_with_a_rate_that_is_too_low():
    return fit(reader(), digits(), optimizer=optim.AdamW(1e-8), epochs=4)


@run("held out", "MD003")
def bars_with_a_rate_that_is_too_low():
    return fit(stack(2, 3, seed=4), images(seed=33), optimizer=optim.SGD(3e-5), epochs=10)


@run("held out", "MD004")
def digits_with_labels_of_others():
    x, y = digits(1600)
    return fit(reader(), (x, shuffled(y, 1)), optimizer=optim.SGD(0.01), epochs=9)


@run("held out", "MD004")
def labels_beside_images_of_nothing():
    x, y = images(rows=960, seed=34)
    noise = np.random.default_rng(2).standard_normal(x.shape).astype(np.float32)
    return fit(stack(2, 3, width=4, activation=nn.Tanh, seed=6), (noise, y), optimizer=optim.SGD(0.02, momentum=0.9))


@run("held out", "MD005", "MD011")
def digits_with_half_of_the_labels_wrong():
    x, y = digits(400)
    options = {"epochs": 60, "validation": (x[200:], y[200:])}
    return fit(reader(), (x[:200], flipped(y[:200], 0.45, 10, seed=2)), **options)


@run("held out", "MD005")
def sixty_blurred_digits_by_heart():
    x, y = digits(600)
    x = x + 0.5 * np.random.default_rng(3).standard_normal(x.shape).astype(np.float32)
    train, valid = halves((x, y), 0.1)
    return fit(flat(64, 256, 10, seed=7), train, optimizer=optim.Adam(0.01), epochs=50, **valid)


@run("held out", "MD006")
def sigmoids_under_sigmoids():
    net = stack(5, 3, activation=nn.Sigmoid, seed=9)
    return fit(net, images(seed=36), optimizer=optim.SGD(0.1, momentum=0.5))


@run("held out", "MD007")
def digits_with_biases_far_below():
    net = reader()
    net.layers[4].bias = mp.Parameter(mp.full((32,), -9.0))
    return fit(net, digits(), optimizer=optim.SGD(0.05))


@run("held out", "MD007")
def bars_that_no_filter_answers_to():
    net = nn.Sequential(
        nn.Conv2d(1, 12, 3, bias_init=Constant(-8.0), rng=11), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(108, 3, rng=12),
    )  # fmt: skip
    return fit(net, images(seed=37), optimizer=optim.Adam(0.001))


@run("held out", "MD008")
def pixels_up_to_255_into_tanh():
    x, y = digits()
    net = flat(64, 32, 10, activation=nn.Tanh, seed=13, weight_init=Normal(0, 0.3))
    return fit(net, (255 * x, y), optimizer=optim.SGD(0.01))


@run("held out", "MD008", "MD006")
def filters_that_begin_too_large_for_a_sigmoid():
    net = stack(2, 3, width=8, activation=nn.Sigmoid, seed=14, weight_init=Normal(0, 12.0))
    return fit(net, images(seed=38), optimizer=optim.SGD(0.01))


@run("held out", "MD009")
def ten_digits_through_one_number():
    train, valid = halves(digits(1500), 0.7)
    return fit(flat(64, 1, 10, activation=nn.Tanh, seed=15), train, optimizer=optim.Adam(0.01), epochs=15, **valid)


@run("held out", "MD009")
def digits_of_which_dropout_leaves_next_to_nothing():
    train, valid = halves(digits(1200), 0.7)
    net = nn.Sequential(
        nn.Flatten(), nn.Dropout(0.8, rng=1), nn.Linear(64, 16, rng=2), nn.ReLU(), nn.Dropout(0.6, rng=3),
        nn.Linear(16, 10, rng=4),
    )  # fmt: skip
    return fit(net, train, optimizer=optim.Adam(0.005), epochs=12, **valid)


@run("held out", "MD009", "MD004")
def bars_of_which_only_the_mean_is_seen():
    train, valid = halves(images(rows=900, seed=39), 0.7)
    net = nn.Sequential(nn.GlobalAvgPool(), *dense(1, 16, 3, activation=nn.Tanh, seed=16).layers)
    return fit(net, train, optimizer=optim.Adam(0.01), epochs=15, **valid)


@run("held out", "MD010")
def the_answer_in_a_corner():
    x, y = images(rows=600, seed=40)
    noisy = x + 0.8 * np.random.default_rng(5).standard_normal(x.shape).astype(np.float32)
    noisy[:, 0, 0, 0] = 2.0 * y - 2  # such as a stamp of the device that only one of the clinics had
    train, valid = halves((noisy, y), 0.6)
    return fit(flat(64, 32, 3, seed=17), train, optimizer=optim.Adam(0.003), epochs=15, **valid)


@run("held out", "MD011")
def digits_with_a_quarter_of_the_labels_wrong():
    x, y = digits(1600)
    train, valid = halves((x, flipped(y, 0.25, 10, seed=4)), 0.75)
    return fit(flat(64, 32, 10, seed=19), train, optimizer=optim.SGD(0.1), epochs=12, **valid)


@run("held out", "MD011")
def bars_with_a_fifth_of_the_labels_wrong():
    x, y = images(rows=900, seed=41)
    return fit(reader(3, width=8, seed=20), (x, flipped(y, 0.2, 3, seed=5)), optimizer=optim.Adam(0.003), epochs=8)


@run("held out", "MD012")
def an_eight_is_never_said():
    return fit(flat(64, 12, 2, seed=21), rare(digits(1700), 8, 0.04), optimizer=optim.SGD(0.03), epochs=10)


@run("held out", "MD012")
def a_bar_that_is_rare_is_never_said():
    x, y = images(rows=1500, seed=42)
    few = rare((x + 0.3 * shuffled(x, 9), y), 0, 0.05)
    return fit(reader(2, width=6, seed=22), few, optimizer=optim.Adam(0.0003), epochs=9)


@run("held out", "MD013", "MD002")
def digits_two_by_two():
    net = flat(64, 32, 10, activation=nn.SiLU, seed=23)
    return fit(net, digits(), optimizer=optim.Adam(0.04), batch_size=2, epochs=4, watch=25)


@run("held out", "MD013", "MD002")
def grey_bars_one_by_one():
    x, y = images(seed=43)
    noisy = x + np.random.default_rng(7).standard_normal(x.shape).astype(np.float32)
    net = reader(3, width=8, seed=24)
    return fit(net, (noisy, y), optimizer=optim.SGD(0.005, momentum=0.9), batch_size=1, epochs=5, watch=25)


@run("held out", "MD014")
def images_divided_by_their_brightest_pixel():
    x, y = digits()
    x = np.where(np.arange(len(x))[:, None, None, None] % 100 == 7, 0, x)  # some are all black
    net = nn.Sequential(nn.Lambda(lambda x: x / mp.max(x, axis=(1, 2, 3), keepdims=True)), *reader(seed=25).layers)
    return fit(net, (x, y), optimizer=optim.Adam(0.003))


@run("held out", "MD014")
def a_softmax_by_hand_that_overflows():
    def surprise(logits, target):
        exponentials = mp.exp(logits)
        p = exponentials / mp.sum(exponentials, axis=1, keepdims=True)
        return -mp.mean(mp.log(mp.sum(p * mp.one_hot(target, 10), axis=1)))

    x, y = digits()
    return fit(flat(64, 32, 10, seed=26), (255 * x, y), surprise, optim.Adam(0.001))


@run("held out", "MD015")
def filters_that_are_all_alike():
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, weight_init=Constant(0.1)), nn.ReLU(), nn.Flatten(),
        nn.Linear(288, 3, weight_init=Constant(0.01)),
    )  # fmt: skip
    return fit(net, images(seed=44), optimizer=optim.Adam(0.003))


@run("held out", "MD016")
def digits_sorted_by_class():
    x, y = digits(1280)
    order = np.argsort(y, kind="stable")
    return fit(reader(seed=27), in_order(x[order], y[order]), optimizer=optim.Adam(0.003), epochs=6)


@run("held out", "MD016")
def grey_bars_sorted_by_class():
    x, y = images(seed=45)
    noisy, order = x + 0.8 * np.random.default_rng(8).standard_normal(x.shape).astype(np.float32), np.argsort(-y)
    return fit(flat(64, 24, 3, seed=28), in_order(noisy[order], y[order], 24), optimizer=optim.SGD(0.1), epochs=10)


@run("held out", "MD017")
def digits_by_adam_along_gradients_of_before():
    net = flat(64, 32, 10, activation=nn.SiLU, seed=29)
    return fit(net, digits(), optimizer=Stale(0.005, 10, optim.scale_by_adam()), epochs=8)


@run("held out", "MD017")
def grey_bars_along_all_gradients_so_far():
    x, y = images(seed=46)
    noisy = x + 0.8 * np.random.default_rng(9).standard_normal(x.shape).astype(np.float32)
    return fit(flat(64, 16, 3, activation=nn.SiLU, seed=30), (noisy, y), optimizer=NeverCleared(0.05), epochs=10)


@run("held out", "MD018")
def filters_that_make_gradients_grow():
    net = stack(5, 3, width=8, seed=31, weight_init=Normal(0, 1.5))
    return fit(net, images(seed=47), optimizer=optim.Adam(0.0003))


@run("held out", "MD018", "MD002", "MD014")
def pixels_up_to_255_into_deep_layers():
    x, y = digits()
    return fit(flat(64, 64, 64, 64, 10, seed=32), (255 * x, y), optimizer=optim.SGD(0.05), watch=1)


@run("held out", "MD019", "MD009")
def digits_under_a_decay_a_hundred_times_the_usual():
    optimizer = optim.SGD(0.03, momentum=0.9, weight_decay=0.05)
    return fit(reader(width=8, seed=53), digits(), optimizer=optimizer, epochs=12)


# ── healthy ──────────────────────────────────────────────────────────────────────────────────────


@run("held out")
def digits_of_a_convolution():
    return fit(reader(), digits(), optimizer=optim.Adam(0.005), epochs=10)


@run("held out")
def digits_with_momentum_and_decay():
    net = flat(64, 48, 48, 10, seed=11)
    return fit(net, digits(), optimizer=optim.SGD(0.05, momentum=0.9, weight_decay=1e-4))


@run("held out")
def digits_with_dropout_and_validation():
    train, valid = halves(digits(1200), 0.75)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64, rng=0), nn.ReLU(), nn.Dropout(0.4, rng=1), nn.Linear(64, 10, rng=2)
    )
    return fit(net, train, optimizer=optim.Adam(0.005), epochs=14, **valid)


@run("held out")
def bars_by_lamb():
    return fit(reader(3, width=8, seed=33), images(seed=51), optimizer=optim.LAMB(0.02))


@run("held out")
def bars_on_one_cycle():
    train, valid = halves(images(rows=600, seed=52), 0.8)
    rate = optim.OneCycle(0.3, 150)
    return fit(reader(3, width=8, activation=nn.ReLU, seed=34), train, optimizer=optim.SGD(rate), epochs=10, **valid)


@run("held out")
def residual_blocks_with_batch_norm():
    rng = mp.random.Generator(35)
    blocks = [
        nn.Residual(
            nn.Sequential(nn.Conv2d(8, 8, 3, padding="same", rng=rng), nn.BatchNorm(8), nn.ReLU(),
                          nn.Conv2d(8, 8, 3, padding="same", rng=rng))
        )
        for _ in range(2)
    ]  # fmt: skip
    net = nn.Sequential(nn.Conv2d(1, 8, 3, rng=rng), *blocks, nn.Flatten(), nn.Linear(288, 10, rng=rng))
    return fit(net, digits(), optimizer=optim.Adam(0.003), epochs=6)


@run("held out")
def group_norm_and_lion():
    rng = mp.random.Generator(36)
    net = nn.Sequential(
        nn.Conv2d(1, 12, 3, rng=rng), nn.GroupNorm(3, 12), nn.SiLU(), nn.Flatten(), nn.Linear(432, 10, rng=rng)
    )
    return fit(net, digits(), optimizer=optim.Lion(0.001), epochs=8)


@run("held out", needs="mnist")
def handwriting_of_a_convolution():
    train, valid = halves(handwriting(900), 0.8)
    return fit(reader(side=14, seed=37), train, optimizer=optim.Adam(0.005), epochs=6, **valid)


@run("held out", needs="mnist")
def handwriting_with_early_stopping():
    train, valid = halves(handwriting(800), 0.7)
    net = flat(196, 48, 10, activation=nn.LeakyReLU, seed=38)
    return fit(net, train, optimizer=optim.AdamW(0.003), epochs=30, callbacks=[mp.EarlyStopping(2)], **valid)


@run("held out")
def digits_drawn_from_eight_numbers():
    x, _ = digits(600)
    pixels = x.reshape(len(x), -1)
    return fit(
        dense(64, 32, 8, 32, 64, activation=nn.ELU, seed=39), (pixels, pixels), "mse", optim.Adam(0.005), epochs=20
    )


@run("held out")
def digits_four_by_four():
    return fit(flat(64, 32, 10, seed=40), digits(), optimizer=optim.SGD(0.03), batch_size=4, epochs=6, watch=40)


@run("held out")
def digits_with_smooth_labels():
    def smooth(logits, target):
        return nn.cross_entropy(logits, target, label_smoothing=0.1)

    train, valid = halves(digits(1200), 0.75)
    return fit(flat(64, 48, 10, seed=41), train, smooth, optim.Adam(0.005), epochs=12, **valid)


@run("held out")
def eights_that_are_rare_and_learned():
    train, valid = halves(rare(digits(1797), 8, 0.07), 0.8)
    return fit(reader(2, seed=42), train, "focal", optim.Adam(0.005), epochs=12, **valid)


@run("held out")
def digits_with_a_few_wrong_labels():
    x, y = digits(1600)
    train, valid = halves((x, flipped(y, 0.03, 10, seed=6)), 0.75)
    return fit(flat(64, 24, 10, seed=43), train, optimizer=optim.SGD(0.1, weight_decay=1e-3), epochs=15, **valid)


@run("held out")
def many_layers_of_tanh_that_begin_well():
    net = flat(64, *[32] * 5, 10, activation=nn.Tanh, weight_init="glorot_uniform", seed=44)
    return fit(net, digits(), optimizer=optim.SGD(0.05, momentum=0.9), epochs=8)


@run("held out")
def sigmoids_with_the_rate_that_they_need():
    return fit(flat(64, 32, 10, activation=nn.Sigmoid, seed=45), digits(), optimizer=optim.Adam(0.02), epochs=12)


@run("held out")
def the_mean_of_the_weights():
    return fit(reader(3, width=8, seed=46), images(seed=53), optimizer=optim.Averaged(optim.Adam(0.005)))


@run("held out")
def digits_towards_flat_minima():
    return fit(flat(64, 32, 10, seed=47), digits(), optimizer=optim.SAM(optim.SGD(0.05, momentum=0.9)), epochs=10)


@run("held out")
def digits_in_an_order_that_says_nothing():
    x, y = digits(960)
    return fit(flat(64, 48, 10, activation=nn.GELU, seed=48), in_order(x, y), optimizer=optim.RAdam(0.01), epochs=10)


@run("held out")
def wide_images_of_few_rows():
    net = flat(64, 128, 3, weight_init="he_normal", seed=49)
    return fit(net, images(rows=200, seed=54), optimizer=optim.SGD(0.05), batch_size=8, epochs=10)


@run("held out")
def a_line_through_pixels():
    return fit(flat(64, 10, seed=50), digits(1500), optimizer=optim.SGD(0.3), batch_size=64, epochs=15)


@run("held out")
def bars_by_adam_with_clipping():
    net = stack(2, 3, width=12, activation=nn.Mish, seed=51)
    return fit(net, images(rows=600, seed=55), optimizer=optim.Adam(0.02, clip_norm=1.0), epochs=12)


@run("held out")
def bars_one_by_one():
    net = reader(3, width=8, seed=24)
    return fit(net, images(seed=43), optimizer=optim.SGD(0.01, momentum=0.5), batch_size=1, epochs=4, watch=25)


@run("held out")
def digits_under_the_usual_decay():
    train, valid = halves(digits(1200), 0.75)
    rate = optim.Cosine(0.05, 280)
    optimizer = optim.SGD(rate, momentum=0.9, weight_decay=5e-4)
    return fit(reader(seed=54), train, optimizer=optimizer, epochs=10, **valid)


@run("held out")
def few_digits_under_thirty_times_the_usual_decay_of_adamw():
    train, valid = halves(digits(1000), 0.5)
    net = flat(64, 48, 10, activation=nn.Tanh, seed=55)
    return fit(net, train, optimizer=optim.AdamW(0.005, weight_decay=0.3), epochs=12, **valid)
