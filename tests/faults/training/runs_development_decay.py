"""Of the group with which the thresholds were set: weight decay that holds a net down, and decay that does it good."""

import numpy as np
from training_runs import dense, fit, halves, images, numbers, run, table

from maplet import nn
from maplet.optim import SGD, Adam, AdamW, Groups, without_decay

# ── faulty ───────────────────────────────────────────────────────────────────────────────────────


def faulty(make):
    """A net that can learn, and would with less decay."""
    return run("development", "MD019")(make)


@run("development", "MD019", "MD009")
def numbers_held_down_by_plain_descent():
    return fit(dense(8, 48, 48, 1, seed=3), numbers(seed=101), "mse", SGD(0.05, weight_decay=0.1), epochs=25)


@faulty
def classes_held_down_with_rows_to_validate():
    train, valid = halves(table(seed=102, noise=0.1), 0.7)
    return fit(dense(8, 64, 3, seed=4), train, optimizer=SGD(0.05, momentum=0.9, weight_decay=0.12), epochs=20, **valid)


@faulty
def classes_held_down_by_decay_of_its_own():
    return fit(
        dense(8, 64, 64, 3, seed=5), table(seed=103, noise=0.1), optimizer=AdamW(0.005, weight_decay=20.0), epochs=20
    )


@faulty
def classes_held_down_within_the_gradient_of_adam():
    return fit(
        dense(8, 64, 64, 3, seed=6), table(seed=104, noise=0.1), optimizer=Adam(0.005, weight_decay=0.1), epochs=20
    )


@faulty
def digits_held_down():
    return fit(
        nn.Sequential(nn.Flatten(), dense(64, 48, 3, seed=7)),
        images(seed=5),
        optimizer=SGD(0.1, weight_decay=0.3),
        epochs=15,
    )


@faulty
def matrices_held_down_in_a_group():
    optimizer = Groups({"axes < 2": SGD(0.1), "*": SGD(0.1, weight_decay=0.15)})
    return fit(dense(8, 64, 4, seed=8), table(classes=4, seed=105, noise=0.1), optimizer=optimizer, epochs=20)


# ── healthy ──────────────────────────────────────────────────────────────────────────────────────


def healthy(make):
    """Decay as people set it, up to where it still does good."""
    return run("development")(make)


@healthy
def noisy_classes_with_a_strong_decay():
    train, valid = halves(table(rows=300, classes=2, seed=111, noise=1.0))
    return fit(dense(8, 128, 2, seed=3), train, optimizer=SGD(0.1, momentum=0.9, weight_decay=0.02), epochs=15, **valid)


@healthy
def noisy_numbers_with_a_strong_decay():
    train, valid = halves(numbers(rows=400, seed=112, noise=0.3))
    return fit(dense(8, 64, 1, seed=4), train, "mse", SGD(0.05, weight_decay=0.01), epochs=20, **valid)


@healthy
def a_table_with_the_usual_decay():
    return fit(dense(8, 64, 64, 3, seed=5), table(seed=113), optimizer=AdamW(0.003), epochs=15)


@healthy
def a_table_with_much_decay_of_its_own():
    return fit(dense(8, 64, 64, 3, seed=6), table(seed=114), optimizer=AdamW(0.003, weight_decay=0.5), epochs=15)


@healthy
def a_tenth_of_it_only_on_matrices():
    return fit(
        dense(8, 64, 3, seed=7), table(seed=115), optimizer=without_decay(AdamW(0.005, weight_decay=0.1)), epochs=15
    )


@healthy
def numbers_with_a_little_decay():
    return fit(dense(8, 48, 1, seed=8), numbers(seed=116), "mse", SGD(0.05, momentum=0.9, weight_decay=1e-3), epochs=20)


@healthy
def numbers_with_rows_to_validate_and_decay():
    train, valid = halves(numbers(rows=500, seed=117, noise=0.2))
    return fit(dense(8, 32, 1, seed=9), train, "mse", SGD(0.02, weight_decay=0.01), epochs=15, **valid)


@healthy
def a_line_that_is_held_a_little():
    x = np.random.default_rng(118).standard_normal((600, 6)).astype(np.float32)
    y = (x @ np.arange(1, 7, dtype=np.float32)[:, None] / 4 + 0.5 * x[:, :1]).astype(np.float32)
    return fit(nn.Linear(6, 1, rng=2), (x, y), "mse", SGD(0.02, weight_decay=0.02), epochs=15)
