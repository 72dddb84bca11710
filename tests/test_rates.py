"""find_learning_rate: by laws over optimizers, data and seeds."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.errors import NonFiniteError, SettingError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((320, 6)).astype(np.float32)
Y = (X @ RNG.standard_normal((6, 3))).argmax(axis=1)
grid = np.geomspace(1e-4, 10, 11).tolist()


def mlp(seed=0, columns=6, outputs=3):
    rng = mp.random.Generator(seed)
    return nn.Sequential(
        nn.Linear(columns, 24, rng=rng), nn.Dropout(0.1, rng=rng), nn.ReLU(), nn.Linear(24, outputs, rng=rng)
    )


def classes(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((400, 6)).astype(np.float32)
    return mlp(seed), (x, (x[:, 0] + x[:, 1] * x[:, 2] > 0) + 1 * (x[:, 3] > 1)), "cross_entropy"


def numbers(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((400, 6))
    y = np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3] + 0.1 * rng.standard_normal((400, 1))
    return mlp(seed, outputs=1), (x.astype(np.float32), y.astype(np.float32)), "mse"


def heavy_noise(seed):
    """A batch or two have most of the loss."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((400, 6))
    y = x[:, :1] + 0.5 * x[:, 1:2] ** 2 + rng.standard_t(3, (400, 1))
    return mlp(seed, outputs=1), (x.astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)), "mse"


optimizers = {
    "adam": optim.Adam,
    "descent": optim.SGD,
    "momentum": lambda rate: optim.SGD(rate, momentum=0.9),
    "lion": optim.Lion,
}
tasks = [classes, numbers, heavy_noise]


def fallen(task, seed, optimizer):
    """How far the loss falls in ten epochs."""
    net, data, loss = task(seed)
    try:
        run = mp.fit(net, data, loss=loss, optimizer=optimizer, epochs=10, seed=seed, progress=False, lint=False)
    except NonFiniteError:
        return -np.inf
    return -run.history[-1]["loss"]


def sampled(*every):
    """All pairs, of which the first is quick."""
    return [pytest.param(*pair, marks=[pytest.mark.slow] * (n > 0)) for n, pair in enumerate(every)]


@pytest.mark.parametrize(("task", "name"), sampled(*((task, name) for task in tasks for name in optimizers)))
def test_the_suggestion_trains_nearly_as_far_as_the_best_of_a_grid_whatever_the_seed(task, name):
    make = optimizers[name]
    suggestions = []
    for seed in range(3):
        net, data, loss = task(seed)
        found = mp.find_learning_rate(net, data, loss, optimizer=make(1e-3), seed=seed)
        suggestions.append(found.suggestion)
        best = max(fallen(task, seed, make(rate)) for rate in grid)
        assert fallen(task, seed, make(found.suggestion)) + found.start >= 0.85 * (best + found.start)
    assert max(suggestions) < 5 * min(suggestions)


def test_neither_net_nor_optimizer_is_changed_and_once_more_gives_the_same():
    net, optimizer = mlp(), optim.Adam(1e-3)
    before = net.state()["layers.0.weight"].numpy().copy()
    found = mp.find_learning_rate(net, (X, Y), "cross_entropy", optimizer=optimizer, batch_size=16)
    assert np.array_equal(net.state()["layers.0.weight"].numpy(), before)
    assert optimizer.current_learning_rate() == 1e-3
    assert optimizer.state is None
    assert mp.find_learning_rate(net, (X, Y), "cross_entropy", optimizer=optimizer, batch_size=16) == found
    assert found.rates == tuple(sorted(found.rates))


def test_every_rate_begins_anew():
    """A rate between others gives the loss that it gives by itself."""
    both = mp.find_learning_rate(mlp(), (X, Y), "cross_entropy", optimizer=optim.Adam(1e-3), low=1e-3, high=1e-1)
    last = mp.find_learning_rate(mlp(), (X, Y), "cross_entropy", optimizer=optim.Adam(1e-3), low=1e-2, high=1e-1)
    assert both.rates[-1] == last.rates[-1]
    assert both.losses[-1] == last.losses[-1]
    assert both.start == last.start


def test_the_loss_of_a_rate_is_that_of_a_run_with_it():
    """Of full batches in their order: the mean of the last quarter of the steps."""
    net, data = nn.Linear(6, 3, rng=0), (X, Y)
    found = mp.find_learning_rate(net, data, "cross_entropy", batch_size=320, steps=20, low=0.1, high=1.0)
    run = mp.fit(nn.Linear(6, 3, rng=0), data, loss="cross_entropy", optimizer=optim.SGD(0.1), batch_size=320,
                 epochs=20, progress=False)  # fmt: skip
    assert found.losses[0] == pytest.approx(np.mean([one["loss"] for one in run.history[-5:]]), rel=1e-5)


def test_on_a_parabola_the_rate_is_below_the_bound():
    """Half of the mean of x² is the curvature of the mean squared error of a line through 0, about 2 here."""
    found = mp.find_learning_rate(nn.Linear(6, 1, rng=0), (X, X[:, :1]), "mse", batch_size=320, high=100.0)
    assert 0.01 < found.suggestion < 1.0
    assert found.losses[-1] == np.inf


def test_where_no_rate_helps_that_is_said():
    targets = np.random.default_rng(1).permutation(X[:, :1])
    constant = nn.Sequential(nn.Linear(6, 1, weight_init="zeros"), nn.ReLU())  # gives 0, and gets no gradient
    found = mp.find_learning_rate(constant, (X, targets), "mse")
    assert np.isnan(found.suggestion)
    assert str(found).startswith("no learning rate from 1e-06 to 10 makes the loss fall")
    assert found.text("zh").startswith("从 1e-06 到 10 的学习率都不能使损失下降")
    assert "nan" not in found.picture().svg


@pytest.mark.parametrize(("language", "word"), [("en", "learning rate"), ("zh", "学习率")])
def test_it_is_shown_as_a_picture(language, word, tmp_path):
    found = mp.find_learning_rate(mlp(), (X, Y), "cross_entropy", batch_size=16)
    assert found.text(language).startswith(word)
    found.picture(language).save(tmp_path / "rates.svg")
    saved = (tmp_path / "rates.svg").read_text(encoding="utf-8")
    assert saved.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert f">{word}<" in saved
    assert found.text(language) in saved
    assert not {"nan", "inf"} & set(saved.replace('"', " ").split())
    assert found._repr_mimebundle_() == {"image/svg+xml": found.picture().svg, "text/plain": str(found)}


def test_wrong_settings_are_explained():
    with pytest.raises(SettingError, match="steps=5"):
        mp.find_learning_rate(mlp(), (X, Y), "cross_entropy", steps=5)
    with pytest.raises(SettingError, match=r"low=1\.0: expected a finite number > 0 and < 0\.1"):
        mp.find_learning_rate(mlp(), (X, Y), "cross_entropy", low=1.0, high=0.1)
    with pytest.raises(SettingError, match="there is no loss"):
        mp.find_learning_rate(mlp(), (X, Y), "cross_entropie")
    with pytest.raises(SettingError, match="explanations speak English and Chinese"):
        mp.find_learning_rate(nn.Linear(6, 3, rng=0), (X, Y), "cross_entropy", steps=10).picture("fr")
