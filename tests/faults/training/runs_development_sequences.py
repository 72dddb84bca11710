"""Of the group with which the thresholds were set: recurrent nets, and how far back in time they can learn."""

import numpy as np
from training_runs import fit, run, sequences, shuffled

from maplet import nn, optim
from maplet.nn import initializers


def told_at(step, *, rows=600, length=30, seed=0):
    """Sequences, of which one step decides the class."""
    x = np.random.default_rng(seed).standard_normal((rows, length, 3)).astype(np.float32)
    return x, (x[:, step, 0] > 0).astype(np.int64)


def told_at_first(length, seed=0):
    """Sequences, of which the first step holds the number that is asked for."""
    x, _ = told_at(0, length=length, seed=seed)
    return x, x[:, 0, :1]


def next_of_waves(rows=600, length=24, seed=0):
    """Noisy waves, and what comes next: the last steps tell it."""
    rng = np.random.default_rng(seed)
    frequency, phase = rng.uniform(0.3, 1.2, (rows, 1)), rng.uniform(0, 6.28, (rows, 1))
    whole = np.sin(frequency * np.arange(length + 1) + phase) + 0.1 * rng.standard_normal((rows, length + 1))
    return whole[:, :-1, None].astype(np.float32), whole[:, -1:].astype(np.float32)


def final(layer, outputs=2, seed=1):
    """The last output of a recurrent layer, and a linear layer."""
    width = layer.hidden_features * layer.directions
    return nn.Sequential(layer, nn.FinalOutput(), nn.Linear(width, outputs, rng=seed))


# ── faulty ───────────────────────────────────────────────────────────────────────────────────────


@run("development", "MD006")
def a_memory_that_fades_in_thirty_steps():
    layer = nn.RNN(3, 16, recurrent_init=initializers.Normal(0, 0.1), rng=0)
    return fit(final(layer), told_at(0), optimizer=optim.SGD(0.05))


@run("development", "MD006")
def thirty_steps_and_another_optimizer():
    return fit(final(nn.RNN(3, 16, rng=0)), told_at(0), optimizer=optim.Adam(0.003))


@run("development", "MD006")
def forty_steps_through_an_lstm():
    return fit(final(nn.LSTM(3, 16, rng=0)), told_at(0, length=40), optimizer=optim.Adam(0.003), epochs=10)


@run("development", "MD006")
def a_number_that_was_said_fifty_steps_ago():
    return fit(final(nn.GRU(3, 16, rng=0), outputs=1), told_at_first(50), "mse", optim.Adam(0.003))


@run("development", "MD006")
def two_layers_and_twenty_five_steps():
    layer = nn.RNN(3, 16, layers=2, rng=0)
    return fit(final(layer), told_at(0, length=25), optimizer=optim.SGD(0.1, momentum=0.9))


@run("development", "MD003")
def short_steps_over_long_sequences():
    return fit(final(nn.LSTM(3, 16, rng=0)), sequences(length=40), optimizer=optim.SGD(1e-5), epochs=6)


@run("development", "MD004")
def long_sequences_with_labels_of_others():
    x, y = told_at(0, length=30)
    return fit(final(nn.LSTM(3, 16, rng=0)), (x, shuffled(y)), optimizer=optim.SGD(0.05), epochs=10)


@run("development", "MD009")
def too_few_steps_to_the_last_but_one():
    """The gradient dies out on its way back to the first step, but what is asked for stands at the end."""
    return fit(final(nn.GRU(3, 16, rng=0)), told_at(-2), optimizer=optim.SGD(0.02))


# ── healthy ──────────────────────────────────────────────────────────────────────────────────────


@run("development")
def the_mean_of_forty_steps():
    return fit(final(nn.LSTM(3, 16, rng=0)), sequences(length=40))


@run("development")
def the_last_of_thirty_steps():
    return fit(final(nn.GRU(3, 16, rng=0)), told_at(-1))


@run("development")
def the_first_step_seen_from_both_ends():
    return fit(final(nn.LSTM(3, 16, bidirectional=True, rng=0)), told_at(0))


@run("development")
def the_first_step_in_the_mean_of_all_outputs():
    net = nn.Sequential(nn.GRU(3, 16, rng=0), nn.Outputs(), nn.GlobalAvgPool(), nn.Linear(16, 2, rng=1))
    return fit(net, told_at(0), epochs=15)


@run("development")
def what_comes_after_a_wave():
    return fit(final(nn.LSTM(1, 16, rng=0), outputs=1), next_of_waves(), "mse", optim.SGD(0.1, momentum=0.9), epochs=12)


@run("development")
def orthogonal_weights_that_reach_back():
    layer = nn.RNN(3, 16, recurrent_init="orthogonal", rng=0)
    return fit(final(layer), told_at(0, length=25), epochs=20)
